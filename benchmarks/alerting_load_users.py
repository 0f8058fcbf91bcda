"""The clients of the alerting service under load, for locust; ``benchmarks.alerting_load`` starts it.

Consoles ask for the changes of their queue every two seconds, as the page does, and open a case now and then. Terminals hold
a feed of calls to patrols open. Workers of a source send warnings, each request one.
"""

import itertools
import json
import os
import re
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from locust import FastHttpUser, HttpUser, constant_pacing, constant_throughput, events, task

PLAN: dict[str, Any] = json.loads(Path(os.environ["FOREWARN_LOAD_PLAN"]).read_text())
BODIES = (
    Path(os.environ["FOREWARN_LOAD_PLAN"]).with_name("warnings.jsonl").read_bytes().split(b"\n")
)
SENDERS = 25
ROUNDS_A_CASE = 15
"""Rounds of the queue after which a responder opens a case: every half minute."""
ROWS = re.compile(r'hx-get="(/console/queue/rows[^"]*)"')
CASES = re.compile(r'data-case="([^"]+)"')
_numbers = itertools.count()
_bodies = iter(BODIES)


class Console(FastHttpUser):
    """A browser of a signed-in responder, which shows the queue."""

    fixed_count = PLAN["sessions"]
    wait_time = constant_pacing(2.0)

    def on_start(self) -> None:
        """Sign in, from an address of its own: the load generator is the proxy that names it."""
        number = next(_numbers)
        self.headers = {
            "Accept-Language": "en",
            "X-Forwarded-For": f"10.1.{number // 250}.{number % 250 + 1}",
        }
        self.rounds = number % ROUNDS_A_CASE
        page = self.client.get("/console/sign-in", headers=self.headers, name="sign-in page").text
        form = {
            "name": f"r{number % PLAN['people']}",
            "password": PLAN["password"],
            "csrf_token": re.findall(r'name="csrf_token" value="([^"]*)"', page)[0],
            "next": "",
        }
        self.client.post(
            "/console/sign-in",
            data=form,
            headers=self.headers,
            name="sign in",
            allow_redirects=False,
        )
        self._read(
            self.client.get("/console/queue", headers=self.headers, name="queue, whole").text
        )

    @task
    def follow(self) -> None:
        """Ask what changed in the queue; every half minute open a case of it."""
        self.rounds += 1
        headers = self.headers | {"HX-Request": "true"}
        self._read(self.client.get(self.path, headers=headers, name="queue, changes").text or "")
        if self.shown and self.rounds % ROUNDS_A_CASE == 0:
            path = f"/console/cases/{self.shown[self.rounds % len(self.shown)]}"
            self.client.get(path, headers=self.headers, name="case")

    def _read(self, page: str) -> None:
        found = ROWS.findall(page)
        if found:
            self.path = found[0].replace("&amp;", "&")
        shown = CASES.findall(page)
        if shown:
            self.shown = shown


class Terminal(HttpUser):
    """A terminal in a patrol car."""

    fixed_count = PLAN["feeds"]
    wait_time = constant_pacing(1.0)

    @task
    def listen(self) -> None:
        """Hold the feed open, and take the time from each call to its arrival."""
        number = next(_numbers)
        headers = {"Authorization": f"Bearer {PLAN['keys'][number % len(PLAN['keys'])]}"}
        began_ms = time.time() * 1000
        with closing(
            self.client.get(
                "/v1/patrol/feed", headers=headers, stream=True, timeout=60, name="feed, opened"
            )
        ) as answer:
            for line in answer.iter_lines() if answer.status_code == 200 else ():
                if not line.startswith(b"data:"):
                    continue
                at_ms = json.loads(line[5:])["at_ms"]
                if at_ms > began_ms:  # those before are what the terminal missed
                    self._arrived("feed, call", time.time() * 1000 - at_ms, len(line))

    def _arrived(self, name: str, took_ms: float, size: int) -> None:
        events.request.fire(
            request_type="SSE",
            name=name,
            response_time=took_ms,
            response_length=size,
            exception=None,
            context={},
        )


class Source(FastHttpUser):
    """A source of warnings."""

    fixed_count = SENDERS
    wait_time = constant_throughput(PLAN["warnings"] / SENDERS)

    @task
    def warn(self) -> None:
        """Send the next warning."""
        body = next(_bodies, b"")
        if body:
            headers = {
                "Authorization": f"Bearer {PLAN['service_key']}",
                "Content-Type": "application/json",
                "Idempotency-Key": f"k-{next(_numbers)}",
            }
            self.client.post("/v1/warnings", data=body, headers=headers, name="warning")
