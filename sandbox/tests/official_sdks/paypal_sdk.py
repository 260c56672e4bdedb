"""PayPal's own Python library against the sandbox: python3 paypal_sdk.py URL"""

import sys
import urllib.request

from paypalserversdk.configuration import Configuration, Environment, Server
from paypalserversdk.exceptions.error_exception import ErrorException
from paypalserversdk.http.auth.o_auth_2 import ClientCredentialsAuthCredentials
from paypalserversdk.paypal_serversdk_client import PaypalServersdkClient

# The library has no setting for another address.
Configuration.environments[Environment.SANDBOX][Server.DEFAULT] = sys.argv[1]
client = PaypalServersdkClient(
    environment=Environment.SANDBOX,
    client_credentials_auth_credentials=ClientCredentialsAuthCredentials(
        o_auth_client_id="client", o_auth_client_secret="secret"
    ),
)
WHOLE = "return=representation"


def order(intent="CAPTURE", source=None, key=None, value="49.99"):
    unit = {"custom_id": "txn_1", "amount": {"currency_code": "USD", "value": value}}
    body = {"intent": intent, "purchase_units": [unit]}
    if source:
        body["payment_source"] = source
    return client.orders.create_order({"body": body, "paypal_request_id": key, "prefer": WHOLE})


def refused(call):
    try:
        call()
    except ErrorException as error:
        return error.details[0].issue
    raise AssertionError("not refused")


# A vaulted wallet pays at once; a repeat finds the same order.
paid = order(source={"paypal": {"vault_id": "vault-ok"}}, key="k1")
again = order(source={"paypal": {"vault_id": "vault-ok"}}, key="k1")
assert (paid.status_code, again.status_code) == (201, 200), (paid.status_code, again.status_code)
assert paid.body.status == "COMPLETED" and again.body.id == paid.body.id
capture = paid.body.purchase_units[0].payments.captures[0]
assert capture.status == "COMPLETED" and capture.amount.value == "49.99", capture

# Refunds: a part, too much, the rest.
amount = {"currency_code": "USD", "value": "10.00"}
refund = client.payments.refund_captured_payment(
    {"capture_id": capture.id, "paypal_request_id": "r1", "prefer": WHOLE, "body": {"amount": amount}}
).body
assert (refund.status, refund.amount.value) == ("COMPLETED", "10.00"), refund
too_much = {"amount": {"currency_code": "USD", "value": "40.00"}}
issue = refused(lambda: client.payments.refund_captured_payment({"capture_id": capture.id, "body": too_much}))
assert issue == "REFUND_AMOUNT_EXCEEDED", issue
client.payments.refund_captured_payment({"capture_id": capture.id, "body": {}})
assert client.payments.get_captured_payment({"capture_id": capture.id}).body.status == "REFUNDED"
assert client.payments.get_refund({"refund_id": refund.id}).body.id == refund.id

# Declines: the wallet refuses the call, the card completes with a declined capture.
issue = refused(lambda: order(source={"paypal": {"vault_id": "vault-declined"}}, key="k2"))
assert issue == "INSTRUMENT_DECLINED", issue
declined = order(source={"card": {"vault_id": "vault-declined"}}, key="k3").body
assert declined.purchase_units[0].payments.captures[0].status == "DECLINED", declined

# A payer approves, then the order is captured, once.
created = order().body
assert created.status == "CREATED", created
issue = refused(lambda: client.orders.capture_order({"id": created.id}))
assert issue == "ORDER_NOT_APPROVED", issue
approve = next(link.href for link in created.links if link.rel == "approve")
urllib.request.urlopen(f"{approve}&outcome=approve").read()
captured = client.orders.capture_order({"id": created.id, "paypal_request_id": "k4"}).body
assert captured.purchase_units[0].payments.captures[0].status == "COMPLETED", captured
issue = refused(lambda: client.orders.capture_order({"id": created.id}))
assert issue == "ORDER_ALREADY_CAPTURED", issue

# Authorize, capture a part, void the rest.
held = order("AUTHORIZE", {"paypal": {"vault_id": "vault-ok"}}, "k5").body
authorization = held.purchase_units[0].payments.authorizations[0]
part = client.payments.capture_authorized_payment(
    {"authorization_id": authorization.id, "prefer": WHOLE, "body": {"amount": amount}}
).body
assert part.status == "COMPLETED", part
client.payments.void_payment({"authorization_id": authorization.id})
seen = client.payments.get_authorized_payment({"authorization_id": authorization.id}).body
assert seen.status == "VOIDED", seen
assert client.orders.get_order({"id": held.id}).body.id == held.id
