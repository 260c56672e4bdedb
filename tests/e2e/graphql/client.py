"""Reads the schema, charges, refunds and reads with the client `gql`. Prints the transaction's id.

Arguments: the gateway's URL, the client's key.
"""

import sys
import uuid

from gql import Client, gql
from gql.transport.httpx import HTTPXTransport

url, client_key = sys.argv[1:]


def client(idempotency_key=None):
    headers = {"authorization": f"Bearer {client_key}"}
    if idempotency_key:
        headers["idempotency-key"] = idempotency_key
    transport = HTTPXTransport(url=f"{url}/graphql", headers=headers, trust_env=False)
    return Client(transport=transport)


reader = Client(transport=client().transport, fetch_schema_from_transport=True)
with reader as session:
    assert session.execute(gql("{ viewer { client } }")) == {"viewer": {"client": "demo"}}

charge = gql("""
    mutation($input: ChargePaymentInput!) {
      chargePayment(input: $input) { transactionId payment { status } userErrors { code } }
    }
""")
charge.variable_values = {
    "input": {"provider": "STRIPE", "amount": 4999, "currency": "USD", "paymentMethodId": "pm_card_visa"}
}
key = str(uuid.uuid4())
charged = client(key).execute(charge)["chargePayment"]
assert charged["payment"]["status"] == "COMPLETED", charged
assert client(key).execute(charge)["chargePayment"] == charged, "a repeat gets the first answer"

refund = gql("""
    mutation($input: RefundPaymentInput!) { refundPayment(input: $input) { refund { id status } } }
""")
refund.variable_values = {"input": {"paymentId": charged["transactionId"], "amount": 1000}}
refunded = client(str(uuid.uuid4())).execute(refund)["refundPayment"]["refund"]
assert refunded["status"] == "PROCESSED", refunded

payment = gql("query($id: ID!) { payment(id: $id) { amountRefunded refunds { edges { node { id } } } } }")
payment.variable_values = {"id": charged["transactionId"]}
with reader as session:
    found = session.execute(payment)["payment"]
assert found == {"amountRefunded": 1000, "refunds": {"edges": [{"node": {"id": refunded["id"]}}]}}, found
print(charged["transactionId"])
