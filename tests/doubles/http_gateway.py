"""A gateway for tests: a real HTTP server that checks signatures and counts the requests.

It behaves as the documentation asks gateways to: the same ``Idempotency-Key`` again is answered
like the first time and not acted on again. ``acted`` holds what it acted on, ``received`` every
request.
"""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from forewarn.platform.clock import system_clock
from forewarn.platform.request_signature import KEY, Signed, is_signed
from tests.doubles.threaded_double import ThreadedDouble


@dataclass(frozen=True, slots=True)
class Request:
    """One request as received."""

    path: str
    key: str
    signed: bool
    body: dict[str, Any]


def _each(item: Request) -> list[Request]:
    """What a request asks for, one by one: a bulk text is as many as its recipients."""
    recipients = item.body.get("recipients")
    if not recipients:
        return [item]
    return [
        Request(item.path, one["delivery_id"], item.signed, {"to": one["to"]}) for one in recipients
    ]


@dataclass(slots=True)
class Behaviour:
    """How the gateway answers from now on.

    ``fail_next`` requests (of ``fail_path``, if it is given) are answered with ``fail_status``
    before anything is acted on;
    ``lose_answers`` are acted on and answered with 503 all the same; ``confirm`` answers that the
    order is done already. ``answer``, if there is one, is the body of every answer with 200.
    """

    fail_next: int = 0
    fail_status: int = 503
    fail_path: str = ""
    lose_answers: int = 0
    reference: str = ""
    confirm: bool = False
    delay_seconds: float = 0.0
    answer: dict[str, object] | None = None


@dataclass(slots=True)
class _Memory:
    received: list[Request] = field(default_factory=list)
    acted: dict[str, Request] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)


class GatewayDouble(ThreadedDouble):
    """Start with ``with``; ``url(path)`` is what the settings get.

    Args:
        secret: what requests have to be signed with; empty takes unsigned ones.
        clock: UTC milliseconds, against which a signature's age is checked.
    """

    def __init__(self, secret: str = "", clock: Callable[[], int] = system_clock) -> None:
        self.secret = secret
        self._clock = clock
        self.behaviour = Behaviour()
        self._memory = _Memory()
        super().__init__(ThreadingHTTPServer(("127.0.0.1", 0), self._handler()))

    def url(self, path: str) -> str:
        """The address of one gateway; one double can stand for several."""
        return f"http://127.0.0.1:{self.port}/{path}"

    def received(self, path: str | None = None) -> list[Request]:
        """Every request, repeated ones included."""
        with self._memory.lock:
            return [item for item in self._memory.received if path in (None, item.path)]

    def acted(self, path: str | None = None) -> list[Request]:
        """The requests that were acted on, each key once."""
        with self._memory.lock:
            return [item for item in self._memory.acted.values() if path in (None, item.path)]

    def _take(self, item: Request) -> tuple[int, dict[str, str]]:
        with self._memory.lock:
            self._memory.received.append(item)
            if self.secret and not item.signed:
                return 401, {"status": "unsigned"}
            fails = self.behaviour.fail_path in ("", item.path)
            if fails and self.behaviour.fail_next > 0:
                self.behaviour.fail_next -= 1
                return self.behaviour.fail_status, {"status": "failed"}
            for one in _each(item):
                self._memory.acted.setdefault(one.key, one)
            if self.behaviour.lose_answers > 0:
                self.behaviour.lose_answers -= 1
                return 503, {"status": "failed"}
            status = "confirmed" if self.behaviour.confirm else "accepted"
            reference = self.behaviour.reference or f"ref-{item.key[:16]}"
            return 200, {"status": status, "reference": reference}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        take: Callable[[Request], tuple[int, dict[str, str]]] = self._take
        double = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                now_ms = double._clock()
                fields = json.loads(body or b"{}")
                key = self.headers.get(KEY, "")
                signed = Signed("request", fields.get("delivery_id", ""), key, body)
                item = Request(
                    path=self.path.lstrip("/").partition("?")[0],
                    key=key,
                    signed=is_signed(double.secret, dict(self.headers), signed, now_ms),
                    body=fields,
                )
                if double.behaviour.delay_seconds:
                    time.sleep(double.behaviour.delay_seconds)
                status, answer = take(item)
                if status == 200 and double.behaviour.answer is not None:
                    content = json.dumps(double.behaviour.answer).encode()
                else:
                    content = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Nothing: bodies hold numbers."""

        return Handler
