"""Watches events with the library `websockets`, across two connections. Prints the charge's id and its events' types.

Arguments: the gateway's URL, the client's key.
"""

import json
import sys
import urllib.request
import uuid
from contextlib import contextmanager

from websockets.sync.client import connect

url, key = sys.argv[1:]
authorization = {"Authorization": f"Bearer {key}"}


def charge():
    body = {"provider": "stripe", "amount": 4999, "currency": "USD", "paymentMethodId": "pm_card_visa"}
    headers = {**authorization, "Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
    request = urllib.request.Request(f"{url}/payments/charge", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=20) as response:
        return json.load(response)["transactionId"]


@contextmanager
def watch():
    socket_url = f"{url.replace('http', 'ws', 1)}/events/socket"
    protocols = ["gateway.events.v1"]
    with connect(socket_url, additional_headers=authorization, subprotocols=protocols, proxy=None) as socket:
        assert socket.subprotocol == "gateway.events.v1", socket.subprotocol
        assert receive(socket)["type"] == "hello"
        yield socket


def receive(socket):
    message = json.loads(socket.recv(timeout=20))
    return receive(socket) if message["type"] == "heartbeat" else message


def subscribe(socket, **to):
    socket.send(json.dumps({"type": "subscribe", **to}))
    subscribed = receive(socket)
    assert subscribed["type"] == "subscribed", subscribed
    return subscribed["cursor"]


with watch() as socket:
    subscribe(socket)
    payment = charge()
    event = {"transactionId": None}
    while event["transactionId"] != payment:
        event = receive(socket)["event"]
types = [event["type"]]

with watch() as socket:
    subscribe(socket, payments=[payment], after=event["id"])
    while len(types) < 3:
        types.append(receive(socket)["event"]["type"])
    # The answer to a ping comes behind all events that were there.
    socket.send('{"type":"ping"}')
    assert receive(socket)["type"] == "pong"
print(payment, *types)
