"""Repeats requests that may succeed later."""

from __future__ import annotations

import itertools
import json
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from .core.models import ErrorCode
from .errors import GatewayError, NoAnswer

#: The first pause between two attempts, in seconds; each next one is twice as long, up to the longest, less a random part.
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 8.0
#: A server that asks for more seconds than this is not waited for.
LONGEST_RETRY_AFTER = 60.0

#: By ``time.monotonic()``; see :func:`until`.
_end: ContextVar[float | None] = ContextVar("_end", default=None)


class Late(Exception):
    """The time of :func:`until` is over, or would be before the next attempt."""


@contextmanager
def until(end: float) -> Iterator[None]:
    """Within it, no answer is waited for and nothing is repeated past this time; :class:`Late` is raised instead."""
    token = _end.set(end)
    try:
        yield
    finally:
        _end.reset(token)


class Repeating(httpx.BaseTransport):
    """Each attempt is the same request to the byte, with the same ``Idempotency-Key``, so that the gateway recognizes it.

    Raises :class:`GatewayError` for an answer of 400 or above, and :class:`NoAnswer` if none came.
    """

    def __init__(self, inner: httpx.BaseTransport, attempts: int) -> None:
        self._inner = inner
        self._attempts = attempts

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request = _in_one_form(request)
        key = request.headers.get("Idempotency-Key")
        for attempt in itertools.count(1):
            lost: httpx.RequestError | None = None
            retry_after = 0.0
            error: GatewayError | NoAnswer
            try:
                response = self._answer_to(request)
                if response.is_success:
                    return response
                error = GatewayError(response.status_code, _detail(response), key)
                retry_after = _retry_after(response)
            except httpx.RequestError as cause:
                error, lost = NoAnswer(key), cause
            longest = min(FIRST_PAUSE * 2 ** (attempt - 1), LONGEST_PAUSE)
            pause = max(retry_after, longest * random.uniform(0.5, 1.0))
            end = _end.get()
            if end is not None and _may_repeat(error) and time.monotonic() + pause >= end:
                raise Late from (lost or error)
            if attempt >= self._attempts or not _may_repeat(error) or retry_after > LONGEST_RETRY_AFTER:
                raise error from lost
            time.sleep(pause)
        raise AssertionError("the attempts have no end")

    def _answer_to(self, request: httpx.Request) -> httpx.Response:
        """One attempt. Reads the body, so that an answer that is cut off counts as lost, and so does a success that is no
        JSON: a proxy's page says nothing of what the gateway has done. Leaves a stream open.
        """
        response = self._inner.handle_request(_within_its_time(request))
        response.request = request
        if response.headers.get("Content-Type", "").startswith("text/event-stream"):
            return response
        response.read()
        if response.is_success:
            try:
                response.json()
            except ValueError as cause:
                raise httpx.DecodingError("not the gateway's answer: no JSON", request=request) from cause
        return response

    def close(self) -> None:
        self._inner.close()


def _in_one_form(request: httpx.Request) -> httpx.Request:
    """The gateway compares bytes: the order in which a caller sets fields must not make another request of it."""
    content = request.read()
    if request.headers.get("Content-Type") != "application/json" or not content:
        return request
    text = json.dumps(json.loads(content), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    headers = httpx.Headers(request.headers)
    del headers["Content-Length"]
    return httpx.Request(
        request.method, request.url, headers=headers, content=text.encode(), extensions=request.extensions
    )


def _within_its_time(request: httpx.Request) -> httpx.Request:
    end = _end.get()
    if end is not None:
        left = max(end - time.monotonic(), 0.001)
        limits = request.extensions.get("timeout", {})
        shorter = {name: left if limit is None else min(limit, left) for name, limit in limits.items()}
        request.extensions = {**request.extensions, "timeout": shorter}
    return request


def _may_repeat(error: GatewayError | NoAnswer) -> bool:
    if isinstance(error, NoAnswer):
        return True
    if error.retryable is False:
        return False
    return error.status in (429, 502, 503, 504) or error.code == ErrorCode.IDEMPOTENCY_IN_PROGRESS


def _detail(response: httpx.Response) -> dict[str, Any]:
    try:
        detail = response.json()["error"]
    except (ValueError, KeyError, TypeError):
        return {}
    return detail if isinstance(detail, dict) else {}


def _retry_after(response: httpx.Response) -> float:
    """Seconds. The gateway says them; what stands before it may say a date. 0 if there is neither."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        date = parsedate_to_datetime(text)
    except (OverflowError, TypeError, ValueError):
        return 0.0
    left = date.replace(tzinfo=date.tzinfo or timezone.utc) - datetime.now(timezone.utc)
    return max(0.0, left.total_seconds())
