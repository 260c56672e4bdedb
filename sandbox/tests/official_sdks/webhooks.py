"""The providers' own Python libraries judge the sandbox's webhooks: python3 webhooks.py URL"""

import contextlib
import http.server
import io
import json
import queue
import sys
import tempfile
import threading
import urllib.request

import stripe
from paypalrestsdk.notifications import WebhookEvent

sandbox = sys.argv[1]
arrived = queue.Queue()
WEBHOOK_ID = "4JH86294D6297924G"
OLD, NEW = "whsec_old", "whsec_new"


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
        arrived.put((self.headers, body.decode()))

    def log_message(self, *_):
        pass


def control(method, path, body):
    data = json.dumps(body).encode()
    request = urllib.request.Request(f"{sandbox}/_sandbox/{path}", data, method=method)
    return json.loads(urllib.request.urlopen(request).read())


receiver = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=receiver.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{receiver.server_port}/"
targets = {"stripe": {"url": url, "secrets": [OLD, NEW]}, "paypal": {"url": url, "webhookId": WEBHOOK_ID}}
control("PUT", "webhooks", targets)

# Stripe: either secret of a roll accepts, another does not, nor does a forged signature.
client = stripe.StripeClient("sk_test_123", base_addresses={"api": sandbox}, max_network_retries=0)


def pay():
    return client.v1.payment_intents.create(
        {
            "amount": 4999,
            "currency": "usd",
            "payment_method": "pm_card_visa",
            "confirm": True,
            "payment_method_types": ["card"],
            "metadata": {"transactionId": "txn_é"},
        }
    )


paid = pay()
# The events of one payment travel on connections of their own: either may arrive first.
events = {}
for _ in range(3):
    headers, body = arrived.get(timeout=30)
    for secret in (OLD, NEW):
        event = stripe.Webhook.construct_event(body, headers["Stripe-Signature"], secret)
        assert event.data.object.id in (paid.id, paid.latest_charge), event
        events[event.type] = event
    try:
        stripe.Webhook.construct_event(body, headers["Stripe-Signature"], "whsec_other")
        raise AssertionError("accepted with another secret")
    except stripe.SignatureVerificationError:
        pass
assert sorted(events) == ["charge.succeeded", "payment_intent.created", "payment_intent.succeeded"], events
event = events["payment_intent.succeeded"]
kept = client.v1.events.retrieve(event.id)
assert kept.data.object.status == "succeeded", kept
assert [it.id for it in client.v1.events.list({"type": event.type}).data] == [event.id]
control("POST", "faults", {"operation": "webhook", "fault": "forge", "times": 1})
pay()
refused = 0
for _ in range(3):
    headers, body = arrived.get(timeout=30)
    try:
        stripe.Webhook.construct_event(body, headers["Stripe-Signature"], OLD)
    except stripe.SignatureVerificationError:
        refused += 1
assert refused == 1, f"{refused} of three webhooks were refused, one was forged"

# PayPal: the library fetches the certificate, checks its chain up to the sandbox's root and its name, and the signature.
root = tempfile.NamedTemporaryFile("w", suffix=".pem")
root.write(urllib.request.urlopen(f"{sandbox}/_sandbox/paypal-ca.pem").read().decode())
root.flush()


def genuine(headers, body, webhook_id=WEBHOOK_ID, chain=(root.name,)):
    WebhookEvent._WebhookEvent__cert_chain_path = list(chain)
    # It prints what it does not like.
    with contextlib.redirect_stdout(io.StringIO()) as said:
        verified = WebhookEvent.verify(
            headers["PAYPAL-TRANSMISSION-ID"],
            headers["PAYPAL-TRANSMISSION-TIME"],
            webhook_id,
            body,
            headers["PAYPAL-CERT-URL"],
            headers["PAYPAL-TRANSMISSION-SIG"],
            headers["PAYPAL-AUTH-ALGO"],
        )
    return verified, said.getvalue()


order = {
    "intent": "CAPTURE",
    "purchase_units": [{"custom_id": "txn_é", "amount": {"currency_code": "USD", "value": "49.99"}}],
    "payment_source": {"paypal": {"vault_id": "vault-ok"}},
}
token = urllib.request.Request(f"{sandbox}/v1/oauth2/token", b"grant_type=client_credentials")
token.add_header("Authorization", "Basic Y2xpZW50OnNlY3JldA==")
token = json.loads(urllib.request.urlopen(token).read())["access_token"]
request = urllib.request.Request(f"{sandbox}/v2/checkout/orders", json.dumps(order).encode())
for name, value in (
    ("Authorization", f"Bearer {token}"),
    ("Content-Type", "application/json"),
    ("PayPal-Request-Id", "k1"),
):
    request.add_header(name, value)
urllib.request.urlopen(request).read()
events = {}
for _ in range(2):
    headers, body = arrived.get(timeout=30)
    assert genuine(headers, body) == (True, ""), genuine(headers, body)
    assert not genuine(headers, body + " ")[0], "accepted another body"
    assert not genuine(headers, body, webhook_id="WEBHOOK_ID")[0], "accepted another webhook's id"
    digicert = "data/DigiCertHighAssuranceEVRootCA.crt.pem"
    assert not genuine(headers, body, chain=[digicert])[0], "accepted another root"
    event = json.loads(body)
    events[event["event_type"]] = event["resource"]
assert sorted(events) == ["CHECKOUT.ORDER.COMPLETED", "PAYMENT.CAPTURE.COMPLETED"], events
control("POST", "faults", {"operation": "webhook", "fault": "forge", "times": 1})
capture = events["PAYMENT.CAPTURE.COMPLETED"]["id"]
control("POST", "webhooks/send", {"provider": "paypal", "type": "CUSTOMER.DISPUTE.CREATED", "id": capture})
assert not genuine(*arrived.get(timeout=30))[0], "accepted a forged signature"
