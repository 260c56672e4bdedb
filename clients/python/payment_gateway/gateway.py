"""Calls a payment gateway."""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, overload

import httpx

from .core.api.payments import (
    cancel_payment,
    capture_payment,
    create_charge,
    create_refund,
    get_payment,
    list_payments,
)
from .core.api.refunds import get_refund
from .core.client import AuthenticatedClient
from .core.models import (
    CancelAnswer,
    CancelRequest,
    CaptureAnswer,
    CaptureRequest,
    ChargeAnswer,
    ChargeRequest,
    ErrorBody,
    ListAnswer,
    Payment,
    PaymentAnswer,
    RefundAnswer,
    RefundFound,
    RefundRequest,
    RefundStatus,
    Status,
)
from .errors import StillPending
from .repeating import Late, Repeating, until

FIRST_LOOK = 0.25
LONGEST_LOOK = 5.0
#: How long the last look may take at least, so that one who does not want to wait gets an answer, too.
LEAST_LOOK = 1.0

Answer = TypeVar("Answer")
#: The key of a call: from the operation, and the caller's own key and step, if any.
Keys = Callable[[str, "str | None", "str | None"], str]


class Gateway:
    """A gateway and the key of a client. Each method raises ``GatewayError`` for a refusal, and ``NoAnswer`` if none came.

    ``attempts`` is how often a request is sent at most, the first time included: 6 take 15 seconds without the answers.
    ``timeout`` is how many seconds one attempt may wait for the gateway, which answers within 35. ``transport`` is what
    sends requests.

    Commands take ``idempotency_key``, your own key, if the call repeats an earlier one; else a new one is made for it.
    """

    def __init__(
        self,
        base_url: str,
        client_key: str,
        *,
        attempts: int = 6,
        timeout: float = 40.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        repeating = Repeating(transport or httpx.HTTPTransport(), attempts)
        #: For the generated functions: ``list_events.sync(client=gateway.core)``. Their requests are repeated, too.
        self.core = AuthenticatedClient(
            base_url=base_url,
            token=client_key,
            timeout=httpx.Timeout(timeout),
            httpx_args={"transport": repeating},
            raise_on_unexpected_status=True,
        )
        self._keys: Keys = lambda operation, given, step: given or str(uuid.uuid4())

    def close(self) -> None:
        """Closes the connections. ``with Gateway(…) as gateway`` does so at its end."""
        self.core.get_httpx_client().close()

    def __enter__(self) -> Gateway:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def charge(
        self, body: ChargeRequest, *, idempotency_key: str | None = None, step: str | None = None
    ) -> ChargeAnswer:
        key = self._keys("charge", idempotency_key, step)
        return _answer(ChargeAnswer, create_charge.sync(client=self.core, body=body, idempotency_key=key))

    def refund(
        self, body: RefundRequest, *, idempotency_key: str | None = None, step: str | None = None
    ) -> RefundAnswer:
        key = self._keys("refund", idempotency_key, step)
        return _answer(RefundAnswer, create_refund.sync(client=self.core, body=body, idempotency_key=key))

    def capture(
        self,
        id: str,
        body: CaptureRequest | None = None,
        *,
        idempotency_key: str | None = None,
        step: str | None = None,
    ) -> CaptureAnswer:
        key = self._keys("capture", idempotency_key, step)
        body = body or CaptureRequest()
        return _answer(CaptureAnswer, capture_payment.sync(id, client=self.core, body=body, idempotency_key=key))

    def cancel(self, id: str, *, idempotency_key: str | None = None, step: str | None = None) -> CancelAnswer:
        key = self._keys("cancel", idempotency_key, step)
        answer = cancel_payment.sync(id, client=self.core, body=CancelRequest(), idempotency_key=key)
        return _answer(CancelAnswer, answer)

    def payment(self, id: str) -> PaymentAnswer:
        return _answer(PaymentAnswer, get_payment.sync(id, client=self.core))

    def refund_by_id(self, id: str) -> RefundFound:
        return _answer(RefundFound, get_refund.sync(id, client=self.core))

    def payments(self, **query: Any) -> Iterator[Payment]:
        """All payments that fit, newest first, page by page. ``query`` as in ``list_payments.sync``."""
        while True:
            page = _answer(ListAnswer, list_payments.sync(client=self.core, **query))
            yield from page.data
            if not page.has_more or not page.data:
                return
            query["starting_after"] = page.data[-1].transaction_id

    @overload
    def wait_for_decision(self, of: RefundAnswer, timeout: float = 60.0) -> RefundFound: ...
    @overload
    def wait_for_decision(
        self, of: ChargeAnswer | CaptureAnswer | CancelAnswer, timeout: float = 60.0
    ) -> PaymentAnswer: ...
    def wait_for_decision(
        self, of: ChargeAnswer | CaptureAnswer | CancelAnswer | RefundAnswer, timeout: float = 60.0
    ) -> PaymentAnswer | RefundFound:
        """Waits until a payment or refund that was answered ``pending`` is decided, at most ``timeout`` seconds, also for
        a gateway that does not answer, or one second if that is longer: it looks once in any case.
        """
        end = time.monotonic() + timeout
        id = of.refund_id if isinstance(of, RefundAnswer) else of.transaction_id
        wait = FIRST_LOOK
        while True:
            try:
                with until(max(end, time.monotonic() + LEAST_LOOK)):
                    now = self.refund_by_id(id) if isinstance(of, RefundAnswer) else self.payment(id)
            except Late as late:
                raise StillPending(id) from late
            if now.status not in (Status.PENDING, RefundStatus.PENDING):
                return now
            left = end - time.monotonic()
            if left <= 0:
                raise StillPending(id)
            time.sleep(min(wait, left))
            wait = min(wait * 2, LONGEST_LOOK)

    def job(self, name: str) -> Gateway:
        """The same gateway for a job that may run again, for example after a crash.

        Each call's key follows from the job's name and the step, which is the operation unless ``step`` says otherwise,
        so that a second run gets the first run's answers and changes nothing.
        """
        job = Gateway.__new__(Gateway)
        job.core = self.core
        job._keys = lambda operation, given, step: given or _job_key(name, step or operation)
        return job


def _job_key(name: str, step: str) -> str:
    """The same for the same name and step, and another for every other: the name's length keeps the two apart."""
    text = f"{len(name.encode())}:{name}:{step}"
    return f"job-{hashlib.sha256(text.encode()).hexdigest()}"


def _answer(kind: type[Answer], answer: Answer | ErrorBody | None) -> Answer:
    """Errors are raised before."""
    if not isinstance(answer, kind):
        raise TypeError(f"not a {kind.__name__}: {answer!r}")
    return answer
