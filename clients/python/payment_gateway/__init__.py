"""A client of the payment gateway: the core in ``core`` is generated, the rest repeats requests and types errors."""

from .errors import GatewayError, NoAnswer, StillPending
from .gateway import Gateway

__all__ = ["Gateway", "GatewayError", "NoAnswer", "StillPending"]
