"""Stripe's own Python library against the sandbox: python3 stripe_sdk.py URL"""

import sys

import stripe

client = stripe.StripeClient("sk_test_123", base_addresses={"api": sys.argv[1]}, max_network_retries=0)
intents, refunds = client.v1.payment_intents, client.v1.refunds
HEADLESS = {"enabled": True, "allow_redirects": "never"}


def pay(method, options=None, **more):
    params = {
        "amount": 4999,
        "currency": "usd",
        "payment_method": method,
        "confirm": True,
        "automatic_payment_methods": HEADLESS,
        "metadata": {"transactionId": "txn_1"},
    }
    return intents.create({**params, **more}, options or {})


def refused(call, kind):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"not refused with {kind.__name__}")


# A charge, repeated with its key, and its refunds.
paid = pay("pm_card_visa", {"idempotency_key": "key-1"})
again = pay("pm_card_visa", {"idempotency_key": "key-1"})
assert paid.status == "succeeded" and again.id == paid.id, (paid, again)
assert again.last_response.headers["idempotent-replayed"] == "true"
refund = refunds.create({"payment_intent": paid.id, "amount": 1000})
assert refund.status == "succeeded" and refund.amount == 1000, refund
error = refused(lambda: refunds.create({"payment_intent": paid.id, "amount": 4000}), stripe.InvalidRequestError)
assert error.param == "amount", error
assert refunds.create({"payment_intent": paid.id}).amount == 3999
assert len(refunds.list({"payment_intent": paid.id}).data) == 2
assert refunds.retrieve(refund.id).id == refund.id

# Authorize, then capture a part; authorize, then cancel.
held = pay("pm_card_mastercard", capture_method="manual")
assert held.status == "requires_capture" and held.amount_capturable == 4999, held
captured = intents.capture(held.id, {"amount_to_capture": 3000})
assert captured.status == "succeeded" and captured.amount_received == 3000, captured
held = pay("pm_card_visa", capture_method="manual")
assert intents.cancel(held.id, {"cancellation_reason": "abandoned"}).status == "canceled"

# A decline, and the card that waits for its holder.
error = refused(lambda: pay("pm_card_visa_chargeDeclinedInsufficientFunds"), stripe.CardError)
assert (error.code, error.http_status) == ("card_declined", 402), error
assert error.error.decline_code == "insufficient_funds", error.error
assert error.error.payment_intent.status == "requires_payment_method", error.error
waiting = pay("pm_card_threeDSecure2Required", return_url="https://shop.example/back")
assert waiting.status == "requires_action", waiting
assert waiting.next_action.redirect_to_url.url.startswith(sys.argv[1]), waiting

# Looking up, with an expanded charge and through the pages of a list.
seen = intents.retrieve(paid.id, {"expand": ["latest_charge"]})
assert seen.latest_charge.payment_method_details.card.last4 == "4242", seen
everything = list(intents.list({"limit": 2}).auto_paging_iter())
assert len(everything) == 5, [intent.id for intent in everything]
assert client.v1.charges.retrieve(paid.latest_charge).refunded is True

# What Stripe's library calls these mistakes.
error = refused(lambda: pay("pm_card_visa", {"idempotency_key": "key-1"}, amount=5000), stripe.IdempotencyError)
assert error.http_status == 400, error
wrong = stripe.StripeClient("sk_live_123", base_addresses={"api": sys.argv[1]}, max_network_retries=0)
refused(lambda: wrong.v1.payment_intents.list(), stripe.AuthenticationError)
error = refused(lambda: intents.create({"amount": 4999, "currency": "usd", "color": "red"}), stripe.InvalidRequestError)
assert (error.code, error.param) == ("parameter_unknown", "color"), error
