"""A bank's client of the decision service, with the standard library alone."""

import http.client
import json
import os
import sys
import time
from urllib.parse import urlsplit

FALLBACK = {"decision": "proceed", "reason": "service_unreachable", "recorded": "no"}
"""What this bank does on its own when nothing answers."""


class DecisionClient:
    """Keeps one connection; use one client for each thread."""

    def __init__(self, url: str, key: str, deadline_ms: int = 300) -> None:
        self.address = urlsplit(url)
        self.deadline_ms = deadline_ms
        self.headers = {
            "Authorization": f"Bearer {key}",
            "Content-Type": "application/json",
            "Forewarn-Deadline-Ms": str(deadline_ms),
        }
        self.connection: http.client.HTTPConnection | None = None

    def decide(self, transfer: dict) -> dict:
        """Ask about a payment. Asking again is safe: the same question gets the same answer."""
        for _ in range(2):  # once more for a connection that was closed meanwhile
            try:
                self.connection = self.connection or self._connect()
                self.connection.request("POST", "/v1/decisions", json.dumps(transfer), self.headers)
                response = self.connection.getresponse()
                body = json.loads(response.read())
            except (OSError, http.client.HTTPException, ValueError):
                self.connection = None
                continue
            if response.status in (429, 500, 503):
                return FALLBACK
            if response.status != 200:
                raise ValueError(f"{body['title']}: {body['detail']} {body['errors']}")
            return body
        return FALLBACK

    def _connect(self) -> http.client.HTTPConnection:
        secure = self.address.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        return kind(self.address.netloc, timeout=self.deadline_ms / 1000 + 0.2)


if __name__ == "__main__":
    client = DecisionClient(os.environ["DECIDE_URL"], os.environ["BANK_KEY"], deadline_ms=5000)
    event = json.load(sys.stdin)
    answer = client.decide(event | {"event_time_ms": time.time_ns() // 1_000_000})
    print(answer["decision"], answer["reason"])
