"""One question from its arrival to its answer: found, asked, or answered by the fallback.

::

    find    the answer that was given before, on any replica
    ask     the workers, until the deadline
    keep    the answer, unless another replica was quicker: then its answer is sent
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import structlog

from forewarn.contracts import Transfer
from forewarn.contracts.payment_answer import PaymentAnswer
from forewarn.errors import DependencyUnavailableError
from models.policy import Policy
from streams.decisions.answer_store import (
    DIGEST_LENGTH,
    IDENTITY_LENGTH,
    AnswerStore,
    KeptAnswer,
    QuestionNames,
)
from streams.decisions.bank_answer import (
    BankAnswer,
    FallbackReason,
    Recorded,
    of_fallback,
    of_worker,
)
from streams.decisions.decision_errors import RequestRefusedError
from streams.decisions.decision_metrics import DecisionMetrics
from streams.decisions.late_spool import LateSpool
from streams.decisions.question_link import QuestionLink

log = structlog.get_logger(__name__)

UNKEPT_ANSWERS = 10_000
"""Answers that wait to be kept: those that came late, and those that Redis did not take; more are dropped."""

KEEP_PAUSE_SECONDS = 0.2

_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Question:
    """A question of a bank.

    Attributes:
        event: the attempted transfer.
        deadline_seconds: from its arrival.
        accept_late: the event is to be recorded even if Kafka is away now.
    """

    event: Transfer
    deadline_seconds: float
    accept_late: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """The body to send, and whether it was sent before."""

    body: bytes
    repeated: bool


class DecisionDesk:
    """Answers questions; each question gets one answer, whatever happens.

    Args:
        link: to the workers.
        store: of answers.
        names: of questions.
        spool: of events that are recorded later.
        policy: returns the policy in use now.
        metrics: counters and durations.
        in_flight: questions that may wait at once.
        refuse_overload: more get status 429 instead of the fallback.
    """

    def __init__(
        self,
        *,
        link: QuestionLink,
        store: AnswerStore,
        names: QuestionNames,
        spool: LateSpool,
        policy: Callable[[], Policy],
        metrics: DecisionMetrics,
        in_flight: int,
        refuse_overload: bool,
    ) -> None:
        self._link = link
        self._store = store
        self._names = names
        self._spool = spool
        self._policy = policy
        self._metrics = metrics
        self._most = in_flight
        self._refuse_overload = refuse_overload
        self._in_flight: dict[bytes, tuple[bytes, asyncio.Task[Answered]]] = {}
        self._unkept: asyncio.Queue[tuple[bytes, KeptAnswer]] = asyncio.Queue(UNKEPT_ANSWERS)
        metrics.unkept.set_function(self._unkept.qsize)
        metrics.in_flight.set_function(lambda: len(self._in_flight))

    async def answer(self, question: Question) -> Answered:
        """Answer a question; the same question at the same time shares one answer.

        Raises:
            RequestRefusedError: the transfer id was used for another payment, or the service is
                overloaded and set to refuse.
        """
        event = question.event
        identity, digest = (
            self._names.identity(event.tenant, event.transfer_id),
            self._names.digest(event),
        )
        waiting = self._in_flight.get(identity)
        if waiting is not None:
            _require_same(waiting[0], digest)
            shared = await asyncio.shield(waiting[1])
            self._metrics.repeated.inc()
            return Answered(shared.body, repeated=True)
        crowded = len(self._in_flight) >= self._most
        if crowded and self._refuse_overload:
            raise RequestRefusedError(
                429, "overloaded", "Too many requests", "Too many questions wait.",
                headers={"Retry-After": "1"},
            )  # fmt: skip
        began = time.monotonic()
        work = self._fall_back_at_once if crowded else self._decide
        task = asyncio.create_task(work(question, identity, digest, began))
        if not crowded:
            self._in_flight[identity] = (digest, task)
            task.add_done_callback(lambda _: self._in_flight.pop(identity, None))
        # The bank may hang up; the answer is kept for its next try all the same.
        answered = await asyncio.shield(task)
        self._metrics.seconds.labels("total").observe(time.monotonic() - began)
        return answered

    def note_late(self, question_id: bytes, answer: PaymentAnswer) -> None:
        """Take an answer that no request waits for: it counts if none was given."""
        self._metrics.late.labels(answer.decision).inc()
        digest = question_id[IDENTITY_LENGTH : IDENTITY_LENGTH + DIGEST_LENGTH]
        body = _encode(of_worker(answer))
        self._keep_later(question_id[:IDENTITY_LENGTH], KeptAnswer(digest, body))

    async def keep_unkept(self) -> None:
        """Keep for other replicas what was answered while Redis was away, and what came late.

        Runs for as long as the service does; the bank of a crashed replica asks another one.
        """
        while True:
            identity, answer = await self._unkept.get()
            while True:
                try:
                    await self._store.keep(identity, answer)
                except DependencyUnavailableError:
                    await asyncio.sleep(KEEP_PAUSE_SECONDS)
                else:
                    break

    def _keep_here(self, identity: bytes, answer: KeptAnswer) -> None:
        """Keep an answer on this replica now, and for the others once Redis takes it."""
        self._store.remember(identity, answer)
        self._keep_later(identity, answer)

    def _keep_later(self, identity: bytes, answer: KeptAnswer) -> None:
        try:
            self._unkept.put_nowait((identity, answer))
        except asyncio.QueueFull:
            log.warning("unkept_answer_dropped")

    async def drain(self) -> None:
        """Wait for the questions in hand."""
        tasks = [task for _, task in self._in_flight.values()]
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _fall_back_at_once(
        self, question: Question, identity: bytes, digest: bytes, began: float
    ) -> Answered:
        del began  # one round trip: an answer that was given before wins there, too
        answer = self._fallback(question.event, "overloaded", self._set_aside(question, identity))
        return await self._keep(identity, digest, answer)

    async def _decide(
        self, question: Question, identity: bytes, digest: bytes, began: float
    ) -> Answered:
        try:
            stored = await self._find(identity, digest)
        except DependencyUnavailableError as error:
            log.warning("answers_not_found", why=str(error))
            recorded = self._set_aside(question, identity)
            answer = self._fallback(question.event, "store_unavailable", recorded)
            body = _encode(answer)
            self._metrics.answers.labels(answer.decision, answer.reason).inc()
            self._keep_here(identity, KeptAnswer(digest, body))
            return Answered(body, repeated=False)
        if stored is not None:
            return stored
        self._metrics.seconds.labels("find").observe(time.monotonic() - began)
        asked = time.monotonic()
        answer = await self._ask(question, identity, digest, began + question.deadline_seconds)
        self._metrics.seconds.labels("ask").observe(time.monotonic() - asked)
        return await self._keep(identity, digest, answer)

    async def _find(self, identity: bytes, digest: bytes) -> Answered | None:
        stored = await self._store.find(identity)
        if stored is None:
            return None
        _require_same(stored.digest, digest)
        self._metrics.repeated.inc()
        return Answered(stored.body, repeated=True)

    async def _ask(
        self, question: Question, identity: bytes, digest: bytes, until: float
    ) -> BankAnswer:
        """Ask the workers; the fallback if they do not answer in time."""
        question_id, arrived = self._link.expect(identity + digest)
        left = until - time.monotonic()
        by_ms = round((time.time() + left) * 1000)
        # Apart, for a producer that is full or without a broker waits longer than a bank.
        sending = asyncio.create_task(self._link.ask(question_id, question.event, by_ms))
        try:
            async with asyncio.timeout(left):
                return of_worker(await arrived)
        except TimeoutError:
            pass
        finally:
            self._link.forget(question_id)
        recorded = _recorded(sending)
        asked = recorded in ("yes", "unconfirmed")
        reason: FallbackReason = "no_answer_in_time" if asked else "stream_unavailable"
        if recorded != "yes" and self._set_aside(question, identity) == "spooled":
            recorded = "spooled"
        return self._fallback(question.event, reason, recorded)

    async def _keep(self, identity: bytes, digest: bytes, answer: BankAnswer) -> Answered:
        began, body = time.monotonic(), _encode(answer)
        mine = KeptAnswer(digest, body)
        try:
            kept = await self._store.keep(identity, mine)
        except DependencyUnavailableError as error:
            log.warning("answer_not_kept", why=str(error))
            self._keep_here(identity, mine)
            kept = mine
        self._metrics.seconds.labels("keep").observe(time.monotonic() - began)
        _require_same(kept.digest, digest)
        if kept.body == body:
            self._metrics.answers.labels(answer.decision, answer.reason).inc()
            return Answered(body, repeated=False)
        self._metrics.repeated.inc()
        return Answered(kept.body, repeated=True)

    def _fallback(self, event: Transfer, reason: FallbackReason, recorded: Recorded) -> BankAnswer:
        policy, now_ms = self._policy(), time.time_ns() // 1_000_000
        self._metrics.fallbacks.labels(reason).inc()
        decision = policy.payments.fallback(event.amount_minor)
        return of_fallback(
            event,
            decision,
            reason,
            policy_version=policy.version,
            now_ms=now_ms,
            counts_until_ms=policy.payments.counts_until_ms(decision, now_ms),
            recorded=recorded,
        )

    def _set_aside(self, question: Question, identity: bytes) -> Recorded:
        """Spool the event if its caller asked for it."""
        if not question.accept_late:
            return "no"
        return "spooled" if self._spool.put(identity.decode(), question.event) else "no"


def _recorded(sending: "asyncio.Task[asyncio.Future[object]]") -> Recorded:
    """Whether Kafka has the event, as far as it has said so."""
    if not sending.done():
        sending.cancel()
        return "no"  # still in front of the producer
    if sending.cancelled() or sending.exception() is not None:
        return "no"
    sent = sending.result()
    if not sent.done():
        sent.add_done_callback(_retrieve)
        return "unconfirmed"
    return "no" if sent.cancelled() or sent.exception() is not None else "yes"


def _retrieve(future: "asyncio.Future[object]") -> None:
    """Retrieve the exception, so that asyncio does not log it as never retrieved."""
    if not future.cancelled():
        future.exception()


def _require_same(known: bytes, digest: bytes) -> None:
    if known != digest:
        raise RequestRefusedError(
            409,
            "transfer_id_reused",
            "Conflict",
            "This transfer id was used for another payment.",
        )


def _encode(answer: BankAnswer) -> bytes:
    return _encoder.encode(answer)
