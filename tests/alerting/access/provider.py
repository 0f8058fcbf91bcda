"""A small OpenID Connect provider over real HTTP, which a test can make misbehave."""

import json
import threading
import time
from base64 import b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote_plus

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT_ID, CLIENT_SECRET = "forewarn", "a+secret between%2Bthe:two/ü"


@dataclass
class Provider:
    """What it issues; tests change ``claims``, ``key`` and ``header`` to attack the client."""

    claims: dict[str, Any]
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    published: RSAKey | None = None
    algorithm: str = "RS256"
    challenges: dict[str, str] = field(default_factory=dict)
    issuer: str = ""
    discovered: dict[str, Any] = field(default_factory=dict)
    asked_for_keys: int = 0
    more_keys: list[dict[str, Any]] = field(default_factory=list)
    key_set: dict[str, Any] | None = None
    header: dict[str, Any] | None = None
    client_secret: str = CLIENT_SECRET
    delay_seconds: float = 0.0

    def start(self) -> "Provider":
        """Listen on a free port."""
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_args: object) -> None:
                """Say nothing."""

            def do_GET(self) -> None:
                time.sleep(provider.delay_seconds)
                if self.path == "/.well-known/openid-configuration":
                    self._send(provider.metadata())
                elif self.path == "/keys":
                    provider.asked_for_keys += 1
                    key = provider.published or provider.key
                    keys = [*provider.more_keys, key.as_dict(private=False)]
                    self._send(provider.key_set or {"keys": keys})
                else:
                    self._send({}, 404)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                form = {name: values[0] for name, values in parse_qs(body).items()}
                if self._credentials(form) != (CLIENT_ID, provider.client_secret):
                    self._send({"error": "invalid_client"}, 401)
                    return
                verifier = sha256(form["code_verifier"].encode()).digest()
                challenge = urlsafe_b64encode(verifier).rstrip(b"=").decode()
                if provider.challenges.get(form["code"]) != challenge:
                    self._send({"error": "invalid_grant"}, 400)
                    return
                self._send({"id_token": provider.id_token(), "access_token": "opaque"})

            def _credentials(self, form: dict[str, str]) -> tuple[str, str]:
                """Strictly by RFC 6749, section 2.3.1, and by one method only."""
                offered = provider.metadata().get("token_endpoint_auth_methods_supported")
                if offered == ["client_secret_post"]:
                    return form.get("client_id", ""), form.get("client_secret", "")
                scheme, _, value = self.headers.get("Authorization", "").partition(" ")
                if scheme != "Basic" or "client_secret" in form:
                    return "", ""
                name, _, secret = b64decode(value).decode().partition(":")
                return unquote_plus(name), unquote_plus(secret)

            def _send(self, document: dict[str, Any], status: int = 200) -> None:
                content = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def stop(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def metadata(self) -> dict[str, Any]:
        """The discovery document."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        } | self.discovered

    def authorize(self, query: dict[str, str]) -> str:
        """What a person's consent does: remember the challenge, hand out a code."""
        code = f"code-{len(self.challenges)}"
        self.challenges[code] = query["code_challenge"]
        self.claims.setdefault("nonce", query["nonce"])
        return code

    def id_token(self) -> str:
        """The signed claims."""
        header = self.header or {"alg": self.algorithm, "kid": self.key.kid}
        return jwt.encode(header, self.claims, self.key, algorithms=[self.algorithm])
