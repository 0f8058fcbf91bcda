"""Doubles of the group robots of WeCom, DingTalk, Feishu and Lark, over real HTTP.

Like the services they answer 200 to everything and say in the body whether they took it: they
check the robot's token, its signature and the bytes of the text, and can be busy or hang.
"""

import base64
import hashlib
import hmac
import json
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.doubles.threaded_double import ThreadedDouble


@dataclass(slots=True)
class ChatBehaviour:
    """``codes`` answer the next requests in turn; a text instead of a code is the whole answer."""

    codes: list[int | str] = field(default_factory=list)
    delay_seconds: float = 0.0


class ChatDouble(ThreadedDouble):
    """One service; ``texts`` are those that it showed to the group.

    Args:
        service: wecom, dingtalk, feishu or lark.
        token: of the only robot.
        secret: with which the robot's messages have to be signed; empty takes unsigned ones.
    """

    def __init__(self, service: str, token: str = "T0ken-1", secret: str = "") -> None:
        self.service, self.token, self.secret = service, token, secret
        self.behaviour = ChatBehaviour()
        self.texts: list[str] = []
        super().__init__(ThreadingHTTPServer(("127.0.0.1", 0), self._handler()))

    @property
    def origin(self) -> str:
        """Stands for the service's own origin."""
        return f"http://127.0.0.1:{self.port}"

    def _code(self, target: str, raw: bytes) -> int:
        parts, body = urlsplit(target), json.loads(raw)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if self.service == "wecom":
            return self._wecom(parts.path, query, body)
        if self.service == "dingtalk":
            return self._dingtalk(parts.path, query, body, len(raw))
        return self._feishu(parts.path, body, len(raw))

    def _wecom(self, path: str, query: dict[str, str], body: dict[str, Any]) -> int:
        if path != "/cgi-bin/webhook/send" or query.get("key") != self.token:
            return 93000
        text = body["text"]["content"]
        if len(text.encode()) > 2048:
            return 45002
        self.texts.append(text)
        return 0

    def _dingtalk(self, path: str, query: dict[str, str], body: dict[str, Any], length: int) -> int:
        if path != "/robot/send" or query.get("access_token") != self.token:
            return 300001
        stamp = query.get("timestamp", "")
        if self.secret and query.get("sign") != _mac(self.secret, f"{stamp}\n{self.secret}"):
            return 310000
        if length > 20_000:
            return 400013
        self.texts.append(body["text"]["content"])
        return 0

    def _feishu(self, path: str, body: dict[str, Any], length: int) -> int:
        if path != f"/open-apis/bot/v2/hook/{self.token}":
            return 19001
        stamp = body.get("timestamp", "")
        if self.secret and body.get("sign") != _mac(f"{stamp}\n{self.secret}", ""):
            return 19021
        if length > 20 * 1024:
            return 9499
        self.texts.append(body["content"]["text"])
        return 0

    def _answer(self, code: int) -> str:
        name = "errcode" if self.service in ("wecom", "dingtalk") else "code"
        return json.dumps({name: code, "errmsg" if name == "errcode" else "msg": "..."})

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        double = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                time.sleep(double.behaviour.delay_seconds)
                planned = double.behaviour.codes.pop(0) if double.behaviour.codes else None
                if planned is None:
                    planned = double._code(self.path, raw)
                answer = planned if isinstance(planned, str) else double._answer(planned)
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer.encode())))
                self.end_headers()
                self.wfile.write(answer.encode())

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Nothing: tests do not read it."""

        return Handler


def _mac(key: str, text: str) -> str:
    return base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()).decode()
