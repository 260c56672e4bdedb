"""A gateway that answers what a test says, one answer for each request, and keeps what it was sent."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

#: The connection is cut before the answer, in the middle of it, or nothing comes.
CUT, CUT_IN_THE_MIDDLE, SILENCE = object(), object(), object()


def answer(status: int, body: dict[str, Any], **headers: str) -> tuple[int, str, dict[str, str]]:
    return status, json.dumps(body), headers


def refusal(status: int, code: str, retry_after: str | None = None, **more: Any) -> tuple[int, str, dict[str, str]]:
    body = {"success": False, "error": {"code": code, "message": "as the test says", **more}}
    return status, json.dumps(body), {"Retry-After": retry_after} if retry_after else {}


class Request:
    def __init__(self, handler: BaseHTTPRequestHandler) -> None:
        self.at = time.monotonic()
        self.method, self.path = handler.command, handler.path
        self.body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0)).decode()
        self.key = handler.headers.get("Idempotency-Key")
        self.authorization = handler.headers.get("Authorization")
        self.content_type = handler.headers.get("Content-Type")

    def sent(self) -> tuple[Any, ...]:
        return self.method, self.path, self.body, self.key, self.authorization, self.content_type


class FakeGateway:
    def __init__(self, answers: list[Any]) -> None:
        self.requests: list[Request] = []
        self._end = threading.Event()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                fake.requests.append(Request(self))
                fake._reply(self, answers[len(fake.requests) - 1])

            do_POST = do_GET

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _reply(self, handler: BaseHTTPRequestHandler, told: Any) -> None:
        handler.close_connection = told in (CUT, CUT_IN_THE_MIDDLE, SILENCE)
        if told is SILENCE:
            self._end.wait()
            return
        if told is CUT:
            return
        status, text, headers = (200, '{"success":true}', {}) if told is CUT_IN_THE_MIDDLE else told
        handler.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(text)), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(text.encode()[: 5 if told is CUT_IN_THE_MIDDLE else None])

    def close(self) -> None:
        self._end.set()
        self._server.shutdown()
        self._server.server_close()
