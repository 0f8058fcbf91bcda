"""Simulated responders: they take cases over HTTP, talk to the person, and close with an outcome."""

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx

from forewarn.demo.town_producer import Truth

REACHED_SHARE = 0.92
PERSUADED_SHARE = 0.88
"""How often a victim who is reached stops; the rest pay in spite of the warning."""


ATTEMPT = "attempt"
"""What the summary calls a case that closes as ``dissuaded`` with no money prevented: a swindler tried."""


@dataclass(frozen=True, slots=True)
class Talk:
    """How the contact with one person goes."""

    reached: bool
    persuaded: bool


def talk_of(case_id: str, seed: int) -> Talk:
    """Draw it from the case alone, so that the order of cases changes nothing."""
    rng = random.Random(f"{seed}:{case_id}")
    return Talk(rng.random() < REACHED_SHARE, rng.random() < PERSUADED_SHARE)


def outcome(talk: Talk, truth: Truth, paid_minor: int) -> dict[str, Any] | None:
    """The body that closes a case, or None while the outcome is still open.

    A swindler's call that led nowhere is a fraud that did not happen, and no false alarm: its case closes as
    ``dissuaded`` without money, so that the caller is confirmed and nothing is counted as prevented.

    Args:
        talk: how the contact went.
        truth: what the person was in when the responder called.
        paid_minor: what the person has paid to swindlers since the case was taken.
    """
    if not truth.typologies:
        if not talk.reached:
            return {"disposition": "unreachable"}
        if truth.attempted:
            return {"disposition": "dissuaded", "prevented_minor": 0}
        return {"disposition": "false_alarm"}
    if talk.reached and talk.persuaded:
        return {"disposition": "dissuaded", "prevented_minor": truth.spared_minor}
    if paid_minor > 0:
        return {"disposition": "loss_occurred", "lost_minor": paid_minor}
    return None


class VictimContact(Protocol):
    """What responders learn by talking to people."""

    def ask(self, subscriber: str, *, intervene: bool) -> Truth:
        """What the person is in; ends it if asked to intervene."""

    def paid_to_swindlers(self, subscriber: str) -> int:
        """Minor units lost so far."""


@dataclass(slots=True)
class _Held:
    """A case of a victim who was not persuaded: it closes when the loss shows, or at the end."""

    case_id: str
    subscriber: str
    talk: Talk
    truth: Truth
    paid_before: int


@dataclass(slots=True)
class Responders:
    """A team at its queue.

    Args:
        client: an HTTP client of the alerting service that carries the key.
        contact: what people say when they are called.
        subscriber_of: whom a warning is about, None if that is not known yet.
        closed: receives each disposition.
        seed: of the draws.
        parallel_cases: how many cases are worked on at once.
    """

    client: httpx.Client
    contact: VictimContact
    subscriber_of: Callable[[str], str | None]
    closed: Callable[[str], None]
    seed: int
    parallel_cases: int = 4
    errors: list[str] = field(default_factory=list)
    _seen: set[str] = field(default_factory=set)
    _busy: set[Future[None]] = field(default_factory=set)
    _held: list[_Held] = field(default_factory=list)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def work(
        self, stop: threading.Event, poll_seconds: float = 0.2, overtime_seconds: float = 10.0
    ) -> None:
        """Take cases until asked to stop and the queue is empty, or overtime is over.

        Those of victims who were not persuaded, and have not paid, end as unreachable.
        """
        pool = ThreadPoolExecutor(self.parallel_cases, thread_name_prefix="responder")
        try:
            while not stop.wait(poll_seconds):
                self._take(pool)
            over = time.monotonic() + overtime_seconds
            while self._take(pool) and time.monotonic() < over:
                time.sleep(poll_seconds)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
        self._close_held(final=True)

    def _take(self, pool: ThreadPoolExecutor) -> bool:
        """Hand out new cases and close what can be closed; whether there is work in hand."""
        self._busy = {future for future in self._busy if not future.done()}
        # No more is taken than is soon worked on: the queue's order is the service's, by urgency.
        room = 2 * self.parallel_cases - len(self._busy)
        if room > 0:
            taken = self._queue()[:room]
            self._seen.update(taken)
            self._busy |= {pool.submit(self._guarded, case_id) for case_id in taken}
        self._close_held(final=False)
        return bool(self._busy)

    def _queue(self) -> list[str]:
        """New cases, in the order of the service: most urgent first."""
        try:
            page = self._get("/v1/cases", {"state": ["new", "dispatched"], "limit": 50})
        except httpx.HTTPError as error:
            self.errors.append(f"queue: {error}")
            return []
        found = [case["case_id"] for case in page["cases"]]
        return [case_id for case_id in found if case_id not in self._seen]

    def _guarded(self, case_id: str) -> None:
        try:
            self._handle(case_id)
        except (httpx.HTTPError, TimeoutError) as error:
            self.errors.append(f"{case_id}: {error}")

    def _handle(self, case_id: str) -> None:
        subscriber = self._person(case_id)
        if subscriber is None:
            return  # a case of an earlier run; its person lives in another town
        self._post(case_id, "claim")
        talk = talk_of(case_id, self.seed)
        paid_before = self.contact.paid_to_swindlers(subscriber)
        truth = self.contact.ask(subscriber, intervene=talk.reached and talk.persuaded)
        self._post(case_id, "contact", {"method": "phone", "reached": talk.reached})
        body = outcome(talk, truth, 0)
        if body is None:
            with self._guard:
                self._held.append(_Held(case_id, subscriber, talk, truth, paid_before))
        else:
            self._close(case_id, body)

    def _person(self, case_id: str) -> str | None:
        file = self._get(f"/v1/cases/{case_id}", {})
        deadline = time.monotonic() + 2.0
        while time.monotonic() < deadline:
            for warning in file["warnings"]:
                subscriber = self.subscriber_of(warning["warning_id"])
                if subscriber is not None:
                    return subscriber
            time.sleep(0.05)  # the service was quicker than our own reader of the topic
        return None

    def _close_held(self, *, final: bool) -> None:
        with self._guard:
            held, self._held = self._held, []
        for case in held:
            paid = self.contact.paid_to_swindlers(case.subscriber) - case.paid_before
            body = outcome(case.talk, case.truth, paid)
            if body is None and final:
                body = {
                    "disposition": "unreachable",
                    "note": "no outcome by the end of the demonstration",
                }
            if body is None:
                with self._guard:
                    self._held.append(case)
                continue
            try:
                self._close(case.case_id, body)
            except httpx.HTTPError as error:
                self.errors.append(f"{case.case_id}: {error}")

    def _close(self, case_id: str, body: dict[str, Any]) -> None:
        # The town knows of more money than the warnings of the case.
        self._post(case_id, "close", body | {"cut_excess": True})
        attempt = body["disposition"] == "dissuaded" and not body["prevented_minor"]
        self.closed(ATTEMPT if attempt else body["disposition"])

    def _get(self, path: str, query: dict[str, Any]) -> Any:
        answer = self.client.get(path, params=query)
        answer.raise_for_status()
        return answer.json()

    def _post(self, case_id: str, step: str, body: dict[str, object] | None = None) -> None:
        self.client.post(f"/v1/cases/{case_id}/{step}", json=body or {}).raise_for_status()
