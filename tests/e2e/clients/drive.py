"""Drives a real gateway with the Python client. Prints the ids of what it made as JSON.

Arguments: the gateway's URL, the client's key.
"""

import datetime
import json
import sys
import uuid

from payment_gateway import Gateway, GatewayError
from payment_gateway.core.api.payments import create_charge, get_payment, list_payment_events
from payment_gateway.core.client import AuthenticatedClient
from payment_gateway.core.models import (
    CaptureMode,
    CaptureRequest,
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

url, client_key = sys.argv[1:]
began = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=1)


def order(**fields):
    usual = {"provider": Provider.STRIPE, "payment_method_id": "pm_card_visa"}
    return ChargeRequest(amount=4999, currency=Currency.USD, **{**usual, **fields})


def refused(status, code, call, *arguments, **named):
    try:
        answer = call(*arguments, **named)
    except GatewayError as error:
        assert (error.status, error.code) == (status, code), (error.status, error.code, error)
        return error
    raise AssertionError(f"not refused: {answer}")


def core():
    """The generated functions alone."""
    client = AuthenticatedClient(base_url=url, token=client_key)
    metadata = Metadata()
    metadata["order"] = "1234"
    body, key = order(metadata=metadata), str(uuid.uuid4())
    first = create_charge.sync_detailed(client=client, body=body, idempotency_key=key)
    assert first.status_code == 200 and first.parsed.status == Status.COMPLETED, first
    again = create_charge.sync_detailed(client=client, body=body, idempotency_key=key)
    assert again.content == first.content and again.headers["idempotency-replayed"] == "true", again
    other = create_charge.sync_detailed(client=client, body=order(), idempotency_key=key)
    assert other.status_code == 422 and isinstance(other.parsed, ErrorBody), other
    assert other.parsed.error.code == ErrorCode.IDEMPOTENCY_KEY_REUSED, other
    transaction = first.parsed.transaction_id
    assert get_payment.sync(transaction, client=client).metadata["order"] == "1234"
    events = list_payment_events.sync(transaction, client=client)
    assert [event.type_ for event in events.data][-1] == "payment.completed", events
    return transaction


gateway = Gateway(url, client_key)


def charge_and_refund():
    key = str(uuid.uuid4())
    charge = gateway.charge(order(), idempotency_key=key)
    assert gateway.charge(order(), idempotency_key=key) == charge
    dearer = order()
    dearer.amount = 5000
    refused(422, ErrorCode.IDEMPOTENCY_KEY_REUSED, gateway.charge, dearer, idempotency_key=key)
    transaction = gateway.wait_for_decision(charge).transaction_id
    refund = gateway.refund(RefundRequest(transaction_id=transaction, amount=1000))
    assert gateway.wait_for_decision(refund).status == RefundStatus.PROCESSED
    too_much = RefundRequest(transaction_id=transaction, amount=4000)
    refused(422, ErrorCode.REFUND_EXCEEDS_CHARGE, gateway.refund, too_much)
    payment = gateway.payment(transaction)
    assert payment.amount_refunded == 1000, payment
    assert [one.refund_id for one in payment.refunds] == [refund.refund_id], payment
    return transaction


def declined():
    body = order(payment_method_id="pm_card_visa_chargeDeclined")
    error = refused(402, ErrorCode.PAYMENT_FAILED, gateway.charge, body)
    assert error.decline_code == "generic_decline", error.decline_code
    return error.transaction_id


def authorized_twice():
    kept, released = (gateway.charge(order(capture=CaptureMode.MANUAL)).transaction_id for _ in range(2))
    assert gateway.capture(kept, CaptureRequest(amount=4000)).status == Status.CAPTURED
    assert gateway.cancel(released).status == Status.CANCELED
    return kept, released


def job_of_two_runs():
    """A job that is killed after its charge, and runs again."""
    name = f"invoice {uuid.uuid4()}"
    transaction = gateway.job(name).charge(order()).transaction_id
    again = gateway.job(name)
    assert again.charge(order()).transaction_id == transaction
    again.refund(RefundRequest(transaction_id=transaction))
    return transaction


def undecided():
    charge = gateway.charge(order(provider=Provider.PAYPAL, payment_method_id="vault-pending"))
    assert charge.status == Status.PENDING, charge
    assert gateway.wait_for_decision(charge).status == Status.COMPLETED
    return charge.transaction_id


def listed(expected):
    seen = [payment.transaction_id for payment in gateway.payments(limit=2, created_after=began)]
    assert len(set(seen)) == len(seen), seen
    assert not set(expected) - set(seen), (expected, seen)


made = {"core": core(), "refunded": charge_and_refund(), "declined": declined()}
made["captured"], made["canceled"] = authorized_twice()
made["job"] = job_of_two_runs()
made["undecided"] = undecided()
listed(made.values())
refused(401, ErrorCode.UNAUTHENTICATED, Gateway(url, "no-such-key").payment, made["core"])
print(json.dumps(made))
