"""Charges with the Python client, which does not wait as long as the provider takes. Prints the payment's id.

Arguments: the gateway's URL, the client's key.
"""

import sys

from payment_gateway import Gateway
from payment_gateway.core.models import ChargeRequest, Currency, Provider

url, client_key = sys.argv[1:]
order = ChargeRequest(provider=Provider.STRIPE, amount=4999, currency=Currency.USD, payment_method_id="pm_card_visa")
print(Gateway(url, client_key, timeout=0.3).charge(order).transaction_id)
