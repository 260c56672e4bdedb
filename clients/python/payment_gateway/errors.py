"""What a call can fail with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .core.models import ErrorCode


class GatewayError(Exception):
    """An answer of 400 or above. ``code`` says what happened; ``retryable`` whether the same request can succeed later."""

    def __init__(self, status: int, detail: Mapping[str, Any], idempotency_key: str | None) -> None:
        super().__init__(detail.get("message") or f"the answer is {status} and has no message")
        self.status = status
        #: ``None`` for a code of a later release, and if something else than the gateway answered, such as a proxy.
        self.code: ErrorCode | None = _code(detail.get("code"))
        self.param: str | None = detail.get("param")
        self.decline_code: str | None = detail.get("declineCode")
        self.provider_code: str | None = detail.get("providerCode")
        self.retryable: bool | None = detail.get("retryable")
        self.transaction_id: str | None = detail.get("transactionId")
        self.request_id: str | None = detail.get("requestId")
        #: The key of the request, to send it again under.
        self.idempotency_key = idempotency_key


class NoAnswer(Exception):
    """No answer came, however often the request was sent. It may have been carried out: send it again under its key."""

    def __init__(self, idempotency_key: str | None) -> None:
        super().__init__("no answer came; the outcome is not known until the request is sent again under its key")
        self.idempotency_key = idempotency_key


class StillPending(Exception):
    """The payment or refund is still pending after the time that the caller wanted to wait. It will be decided."""

    def __init__(self, id: str) -> None:
        super().__init__(f"{id} is still pending")
        #: Its transaction id or refund id.
        self.id = id


def _code(name: Any) -> ErrorCode | None:
    try:
        return ErrorCode(name)
    except ValueError:
        return None
