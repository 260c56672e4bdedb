"""Charges, refunds and reads with the client that was generated from the description. Prints the transaction's id.

Arguments: the gateway's URL, the client's key.
"""

import sys
import uuid

from gateway_client import AuthenticatedClient
from gateway_client.api.payments import (
    create_charge,
    create_refund,
    get_payment,
    list_payment_events,
    list_payments,
)
from gateway_client.api.refunds import get_refund
from gateway_client.models import (
    ChargeRequest,
    Currency,
    ErrorBody,
    ErrorCode,
    Metadata,
    Provider,
    RefundRequest,
    RefundStatus,
    Status,
)


def key():
    return str(uuid.uuid4())


url, client_key = sys.argv[1:]
client = AuthenticatedClient(base_url=url, token=client_key)

metadata = Metadata()
metadata["order"] = "generated"
charge = ChargeRequest(
    provider=Provider.STRIPE,
    amount=4999,
    currency=Currency.USD,
    payment_method_id="pm_card_visa",
    metadata=metadata,
)
charge_key = key()
made = create_charge.sync_detailed(client=client, body=charge, idempotency_key=charge_key)
assert made.status_code == 200, made
assert made.parsed.success and made.parsed.status == Status.COMPLETED, made
transaction = made.parsed.transaction_id

again = create_charge.sync_detailed(client=client, body=charge, idempotency_key=charge_key)
assert again.content == made.content and again.headers["idempotency-replayed"] == "true", again

charge.payment_method_id = "pm_card_visa_chargeDeclined"
reused = create_charge.sync_detailed(client=client, body=charge, idempotency_key=charge_key)
assert reused.status_code == 422 and reused.parsed.error.code == ErrorCode.IDEMPOTENCY_KEY_REUSED, reused
declined = create_charge.sync_detailed(client=client, body=charge, idempotency_key=key())
assert declined.status_code == 402 and isinstance(declined.parsed, ErrorBody), declined
assert declined.parsed.error.code == ErrorCode.PAYMENT_FAILED, declined
assert declined.parsed.error.decline_code == "generic_decline", declined

back = create_refund.sync(
    client=client, body=RefundRequest(transaction_id=transaction, amount=1000), idempotency_key=key()
)
assert back.success and back.status == RefundStatus.PROCESSED, back
too_much = create_refund.sync_detailed(
    client=client, body=RefundRequest(transaction_id=transaction, amount=4000), idempotency_key=key()
)
assert too_much.parsed.error.code == ErrorCode.REFUND_EXCEEDS_CHARGE, too_much

refund = get_refund.sync(back.refund_id, client=client)
assert refund.amount == 1000 and refund.transaction_id == transaction, refund
payment = get_payment.sync(transaction, client=client)
assert payment.amount_refunded == 1000 and payment.currency == Currency.USD, payment
assert payment.metadata["order"] == "generated", payment
assert [one.refund_id for one in payment.refunds] == [back.refund_id], payment
newest = list_payments.sync(client=client, limit=1, provider=Provider.STRIPE)
assert len(newest.data) == 1 and newest.has_more, newest
events = list_payment_events.sync(transaction, client=client)
assert [event.type_ for event in events.data][-1] == "refund.processed", events

nobody = AuthenticatedClient(base_url=url, token="no-such-key")
refused = get_payment.sync_detailed(transaction, client=nobody)
assert refused.status_code == 401 and refused.parsed.error.code == ErrorCode.UNAUTHENTICATED, refused

print(transaction)
