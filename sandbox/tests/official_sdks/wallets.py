"""Wallets, by the providers' own Python libraries against the sandbox: python3 wallets.py URL"""

import base64
import sys
import urllib.request

import stripe
from paypalserversdk.configuration import Configuration, Environment, Server
from paypalserversdk.exceptions.api_exception import ApiException
from paypalserversdk.exceptions.error_exception import ErrorException
from paypalserversdk.http.auth.o_auth_2 import ClientCredentialsAuthCredentials
from paypalserversdk.paypal_serversdk_client import PaypalServersdkClient

# Stripe: a page's confirmation token pays once, and says which wallet paid.
client = stripe.StripeClient("sk_test_123", base_addresses={"api": sys.argv[1]}, max_network_retries=0)


def token(method):
    return client.v1.test_helpers.confirmation_tokens.create({"payment_method": method})


def refused(call, kind):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"not refused with {kind.__name__}")


def pay(means, **more):
    params = {"amount": 4999, "currency": "usd", "confirm": True, "payment_method_types": ["card"]}
    return client.v1.payment_intents.create({**params, **means, "expand": ["latest_charge"], **more})


fresh = token("pm_card_sandbox_applePay")
assert fresh.id.startswith("ctoken_") and fresh.payment_intent is None, fresh
assert fresh.payment_method_preview.card.wallet.type == "apple_pay", fresh
paid = pay({"confirmation_token": fresh.id})
assert paid.status == "succeeded", paid
assert paid.latest_charge.payment_method_details.card.wallet.type == "apple_pay", paid
assert client.v1.confirmation_tokens.retrieve(fresh.id).payment_intent == paid.id
error = refused(lambda: pay({"confirmation_token": fresh.id}), stripe.InvalidRequestError)
assert error.param == "confirmation_token" and "already been used" in error.user_message, error

# Tokens that are declined, and tokens that are too old or used up.
for wallet in ["applePay", "googlePay"]:
    declined = token(f"pm_card_sandbox_{wallet}_declined").id
    error = refused(lambda: pay({"confirmation_token": declined}), stripe.CardError)
    assert (error.code, error.http_status) == ("card_declined", 402), error
    assert error.error.decline_code == "generic_decline", error.error
    assert error.error.payment_intent.status == "requires_payment_method", error.error
for state, words in {"expired": "has expired", "used": "already been used"}.items():
    means = {"confirmation_token": f"ctoken_sandbox_{state}"}
    error = refused(lambda: pay(means), stripe.InvalidRequestError)
    assert error.param == "confirmation_token" and words in error.user_message, error

# What the page collects besides.
shipping = {"name": "Ada", "address": {"line1": "Hauptstr. 1", "country": "DE"}}
params = {"payment_method": "pm_card_visa", "setup_future_usage": "off_session", "shipping": shipping}
collected = client.v1.test_helpers.confirmation_tokens.create(params)
assert collected.setup_future_usage == "off_session" and collected.shipping.address.country == "DE", collected

# Made of a test card, and of no other kind of payment method.
klarna = {"payment_method_data": {"type": "klarna"}}
create = client.v1.test_helpers.confirmation_tokens.create
error = refused(lambda: create(klarna), stripe.InvalidRequestError)
assert error.param == "payment_method_data" and "payment_method" in error.user_message, error

# The page's script takes a further step.
asked = token("pm_card_sandbox_googlePay_authenticate").id
waiting = pay({"confirmation_token": asked}, use_stripe_sdk=True, return_url="https://shop.example/back")
assert waiting.status == "requires_action" and waiting.next_action.type == "use_stripe_sdk", waiting
assert waiting.client_secret.startswith(waiting.id), waiting

# A token of Stripe's older script becomes a payment method.
method = client.v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}})
assert pay({"payment_method": method.id}).status == "succeeded"

# The domains that show the wallets.
domains = client.v1.payment_method_domains
good = domains.create({"domain_name": "pay.shop.example"})
assert good.apple_pay.status == "active" and domains.create({"domain_name": "pay.shop.example"}).id == good.id
assert domains.update(good.id, {"enabled": False}).enabled is False
assert domains.update(good.id, {"enabled": True}).enabled is True
assert domains.retrieve(good.id).domain_name == "pay.shop.example"
assert [found.id for found in domains.list({"domain_name": "pay.shop.example"}).data] == [good.id]
assert domains.validate(good.id).google_pay.status == "active"
bad = domains.validate(domains.create({"domain_name": "pay.invalid"}).id)
assert bad.apple_pay.status == "inactive" and bad.apple_pay.status_details.error_message, bad

# PayPal: the page confirms an order with the wallet, then the order is captured.
Configuration.environments[Environment.SANDBOX][Server.DEFAULT] = sys.argv[1]
paypal = PaypalServersdkClient(
    environment=Environment.SANDBOX,
    client_credentials_auth_credentials=ClientCredentialsAuthCredentials(
        o_auth_client_id="client", o_auth_client_secret="secret"
    ),
)


def order(wallet, key="paid"):
    unit = {"custom_id": "txn_1", "amount": {"currency_code": "USD", "value": "49.99"}}
    body = {"intent": "CAPTURE", "purchase_units": [unit], "payment_source": {wallet: {}}}
    created = paypal.orders.create_order({"body": body, "paypal_request_id": f"order-{wallet}-{key}"}).body
    assert created.status == "CREATED", created
    return created.id


def confirm(order, wallet, name):
    source = {wallet: {"name": name}}
    options = {"id": order, "body": {"payment_source": source}, "prefer": "return=representation"}
    return paypal.orders.confirm_order(options).body


def capture(order):
    options = {"id": order, "paypal_request_id": f"capture-{order}", "prefer": "return=representation"}
    return paypal.orders.capture_order(options).body


by_apple = order("apple_pay")
assert confirm(by_apple, "apple_pay", "Ada Lovelace").status == "APPROVED"
captured = capture(by_apple)
assert captured.payment_source.apple_pay.card.last_digits == "4242", captured

by_google = order("google_pay")
asked = confirm(by_google, "google_pay", "SCA-REQUIRED")
assert asked.status == "PAYER_ACTION_REQUIRED", asked
page = next(link.href for link in asked.links if link.rel == "payer-action")
urllib.request.urlopen(f"{page}&outcome=approve").read()
card = capture(by_google).payment_source.google_pay.card
assert card.authentication_result.liability_shift == "POSSIBLE", card

for wallet in ["apple_pay", "google_pay"]:
    # The payer's bank declines, or the card has expired: the order is complete, and nothing was paid.
    for name, code in {"CCREJECT-REFUSED": "0500", "CCREJECT-EC": "5400"}.items():
        declined = order(wallet, name)
        assert confirm(declined, wallet, name).status == "APPROVED"
        done = capture(declined)
        assert done.status == "COMPLETED", done
        taken = done.purchase_units[0].payments.captures[0]
        assert (taken.status, taken.processor_response.response_code) == ("DECLINED", code), done

    # The payer's bank does not believe the payer: whether to capture is up to the shop.
    doubted = order(wallet, "doubted")
    confirmed = confirm(doubted, wallet, "SCA-REJECTED")
    assert confirmed.status == "APPROVED", confirmed
    card = getattr(confirmed.payment_source, wallet).card
    assert card.authentication_result.liability_shift == "NO", card

# An order whose payer has not authenticated is not captured.
unfinished = order("google_pay", "unfinished")
assert confirm(unfinished, "google_pay", "SCA-REQUIRED").status == "PAYER_ACTION_REQUIRED"
issue = refused(lambda: capture(unfinished), ErrorException).details[0].issue
assert issue == "ORDER_NOT_APPROVED", issue

# A page's token, which PayPal's library gets and uses: it confirms orders, and moves no money.
basic = base64.b64encode(b"client:secret").decode()
asked = {"response_type": "client_token", "domains[]": "shop.example"}
page_token = paypal.o_auth_authorization.request_token({"authorization": f"Basic {basic}"}, asked).body
page = PaypalServersdkClient(
    environment=Environment.SANDBOX,
    client_credentials_auth_credentials=ClientCredentialsAuthCredentials(
        o_auth_client_id="client", o_auth_client_secret="secret", o_auth_token=page_token
    ),
)
by_page = order("google_pay", "page")
body = {"payment_source": {"google_pay": {"name": "Ada Lovelace"}}}
assert page.orders.confirm_order({"id": by_page, "body": body}).body.status == "APPROVED"
error = refused(lambda: page.orders.capture_order({"id": by_page}), ApiException)
assert error.response_code == 401, error
