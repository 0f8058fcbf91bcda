"""One question from its arrival to its answer: found, asked, or answered by the fallback.

::

    find    the answer that was given before, on any replica
    ask     the workers, until the deadline
    keep    the answer, unless another replica was quicker: then its answer is sent
    tell    the other replicas over Kafka, where Redis did not take it

The deadline counts from the arrival of the question, however late it was read. The same question at the same time
shares one answer, by the earlier of both deadlines.

The workers have until ``KEEP_RESERVE_SECONDS`` before the deadline, so that the fallback is kept by then; Redis has until
the deadline, and no step goes on longer than ``SHARE_GRACE_SECONDS`` after it. While Redis does not say what was
answered before, no answer of a worker is waited for: the event goes to Kafka, so that its warning and its hold come, and
the bank gets the fallback.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import structlog
from aiokafka.errors import KafkaError

from forewarn.contracts.payment_answer import PaymentAnswer
from forewarn.errors import DependencyUnavailableError
from models.policy import Policy
from streams.decisions.answer_memory import KeptAnswer
from streams.decisions.answer_store import (
    DIGEST_LENGTH,
    IDENTITY_LENGTH,
    AnswerStore,
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
from streams.decisions.pending_question import PendingQuestion, Question
from streams.decisions.question_link import QuestionLink
from streams.decisions.unkept_answers import UnkeptAnswers

log = structlog.get_logger(__name__)

FIND_SHARE = 0.5
"""Of the time until the deadline, for a Redis that says nothing; the rest is for handing the event to Kafka."""

KEEP_LEAST_SECONDS = 0.015
"""For keeping the answer to a question that was read when its deadline was over."""

SHARE_GRACE_SECONDS, SHARE_LEAST_SECONDS = 0.03, 0.005
"""For telling the other replicas of an answer that Redis did not take: after the deadline, and at least. One that Kafka
has not taken by then is given all the same."""

SPOOL_GRACE_SECONDS, SPOOL_LEAST_SECONDS = 0.015, 0.01
"""For a file of the spool: after the deadline, and at least."""

_encoder = msgspec.json.Encoder()


class _RecordedOnly(msgspec.Struct):
    """Of an answer, whether its event is in Kafka; of one of another version perhaps not even that."""

    recorded: str = "yes"


_recorded_decoder = msgspec.json.Decoder(_RecordedOnly)


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
        unkept: takes the answers that the store does not.
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
        unkept: UnkeptAnswers,
        names: QuestionNames,
        spool: LateSpool,
        policy: Callable[[], Policy],
        metrics: DecisionMetrics,
        in_flight: int,
        refuse_overload: bool,
    ) -> None:
        self._link = link
        self._store = store
        self._unkept = unkept
        self._names = names
        self._spool = spool
        self._policy = policy
        self._metrics = metrics
        self._most = in_flight
        self._refuse_overload = refuse_overload
        self._in_flight: dict[bytes, tuple[PendingQuestion, asyncio.Task[Answered]]] = {}
        self._again: set[asyncio.Task[None]] = set()
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
            _require_same(waiting[0].digest, digest)
            waiting[0].hasten(question.until)
            shared = await asyncio.shield(waiting[1])
            self._metrics.repeated.inc()
            return Answered(shared.body, repeated=True)
        crowded = len(self._in_flight) >= self._most
        if crowded and self._refuse_overload:
            raise RequestRefusedError(
                429, "overloaded", "Too many requests", "Too many questions wait.",
                headers={"Retry-After": "1"},
            )  # fmt: skip
        asked = PendingQuestion(question, identity, digest)
        task = asyncio.create_task(
            self._fall_back_at_once(asked) if crowded else self._decide(asked)
        )
        if not crowded:
            self._in_flight[identity] = (asked, task)
            task.add_done_callback(lambda _: self._in_flight.pop(identity, None))
        # The bank may hang up; the answer is kept for its next try all the same.
        answered = await asyncio.shield(task)
        self._metrics.seconds.labels("total").observe(time.monotonic() - question.arrived)
        return answered

    def note_late(self, question_id: bytes, answer: PaymentAnswer) -> None:
        """Take an answer that no request waits for: it counts if none was given."""
        self._metrics.late.labels(answer.decision).inc()
        identity = question_id[:IDENTITY_LENGTH]
        if identity in self._in_flight:
            return  # what the bank is given in a moment counts
        digest = question_id[IDENTITY_LENGTH : IDENTITY_LENGTH + DIGEST_LENGTH]
        self._unkept.keep_late(identity, KeptAnswer(digest, _encode(of_worker(answer))))

    async def drain(self) -> None:
        """Wait for the questions in hand."""
        tasks = [task for _, task in self._in_flight.values()]
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _fall_back_at_once(self, asked: PendingQuestion) -> Answered:
        # One round trip: an answer that was given before wins there, too.
        recorded = await self._set_aside(asked)
        return await self._keep(asked, self._fallback(asked, "overloaded", recorded))

    async def _decide(self, asked: PendingQuestion) -> Answered:
        if not asked.left(asked.reserve_seconds):
            # It lay unread until now. No worker can answer in time; the event goes to them all the same.
            return await self._keep(asked, await self._ask(asked))
        began = time.monotonic()
        try:
            stored = await self._find(asked)
        except DependencyUnavailableError as error:
            log.warning("answers_not_found", why=str(error))
            return await self._fall_back_without_store(asked)
        if stored is not None:
            return stored
        now = time.monotonic()
        self._metrics.seconds.labels("find").observe(now - began)
        answer = await self._ask(asked)
        self._metrics.seconds.labels("ask").observe(time.monotonic() - now)
        return await self._keep(asked, answer)

    async def _find(self, asked: PendingQuestion) -> Answered | None:
        try:
            spare_seconds = asked.left() * (1 - FIND_SHARE)
            async with asked.bounded(spare_seconds, most_seconds=self._store.timeout_seconds):
                stored = await self._store.find(asked.identity)
        except TimeoutError as error:
            raise DependencyUnavailableError("Redis took more than its share.") from error
        if stored is None:
            return None
        _require_same(stored.digest, asked.digest)
        self._record_again(asked.question, stored)
        self._metrics.repeated.inc()
        return Answered(stored.body, repeated=True)

    def _record_again(self, question: Question, stored: KeptAnswer) -> None:
        """Hand an event to Kafka again whose answer says that Kafka may not have it; the answer stays as it is."""
        if _recorded_of(stored.body) not in ("no", "unconfirmed") or len(self._again) >= self._most:
            return
        task = asyncio.create_task(self._send_again(question))
        self._again.add(task)
        task.add_done_callback(self._again.discard)

    async def _send_again(self, question: Question) -> None:
        event = question.event
        identity = self._names.identity(event.tenant, event.transfer_id)
        if question.accept_late and await self._spool.put(identity.decode(), event):
            return
        try:
            await self._link.send(event)
        except DependencyUnavailableError as error:
            log.warning("event_not_recorded", why=str(error))

    async def _fall_back_without_store(self, asked: PendingQuestion) -> Answered:
        """Answer by the fallback, and hand the event to Kafka; the same event twice changes nothing."""
        question_id, _ = self._link.expect(asked.identity + asked.digest)
        self._link.forget(question_id)
        sending = self._send(question_id, asked)
        try:
            async with asked.bounded(0.0):
                # Shielded: the producer goes on with what it has when the deadline passes.
                await asyncio.shield(await asyncio.shield(sending))
        except (TimeoutError, KafkaError, DependencyUnavailableError):
            pass  # ``_recorded`` says what became of it
        answer = self._fallback(asked, "store_unavailable", await self._recorded(sending, asked))
        mine = KeptAnswer(asked.digest, _encode(answer))
        # Kafka has had its time if the event is still not there.
        bound = asked.bounded(0.0, SHARE_LEAST_SECONDS)
        return self._given(
            asked, answer, mine, await self._unkept.give(asked.identity, mine, bound)
        )

    async def _ask(self, asked: PendingQuestion) -> BankAnswer:
        """Ask the workers; the fallback if they do not answer in time."""
        question_id, arrived = self._link.expect(asked.identity + asked.digest)
        sending = self._send(question_id, asked)
        try:
            async with asked.bounded(asked.reserve_seconds):
                return of_worker(await arrived)
        except TimeoutError:
            pass
        finally:
            self._link.forget(question_id)
        recorded = _sent(sending)
        in_hand = recorded in ("yes", "unconfirmed")
        reason: FallbackReason = "no_answer_in_time" if in_hand else "stream_unavailable"
        return self._fallback(asked, reason, await self._recorded(sending, asked))

    def _send(
        self, question_id: bytes, asked: PendingQuestion
    ) -> "asyncio.Task[asyncio.Future[object]]":
        """Send a question apart: a producer that is full or without a broker waits longer than a bank."""
        by_ms = round((time.time() + asked.left()) * 1000)
        return asyncio.create_task(self._link.ask(question_id, asked.question.event, by_ms))

    async def _recorded(
        self, sending: "asyncio.Task[asyncio.Future[object]]", asked: PendingQuestion
    ) -> Recorded:
        recorded = _sent(sending)
        if recorded != "yes" and await self._set_aside(asked) == "spooled":
            return "spooled"
        return recorded

    async def _keep(self, asked: PendingQuestion, answer: BankAnswer) -> Answered:
        began, mine = time.monotonic(), KeptAnswer(asked.digest, _encode(answer))
        try:
            async with asked.bounded(0.0, KEEP_LEAST_SECONDS, self._store.timeout_seconds):
                kept = await self._store.keep(asked.identity, mine)
        except (DependencyUnavailableError, TimeoutError) as error:
            log.warning("answer_not_kept", why=str(error) or "out of time")
            bound = asked.bounded(-SHARE_GRACE_SECONDS, SHARE_LEAST_SECONDS)
            kept = await self._unkept.give(asked.identity, mine, bound)
        self._metrics.seconds.labels("keep").observe(time.monotonic() - began)
        return self._given(asked, answer, mine, kept)

    def _given(
        self, asked: PendingQuestion, answer: BankAnswer, mine: KeptAnswer, kept: KeptAnswer
    ) -> Answered:
        """What the bank gets: the answer that counts, which may be another one than this replica's."""
        _require_same(kept.digest, asked.digest)
        if kept.body == mine.body:
            self._metrics.answers.labels(answer.decision, answer.reason).inc()
            return Answered(mine.body, repeated=False)
        self._metrics.repeated.inc()
        return Answered(kept.body, repeated=True)

    def _fallback(
        self, asked: PendingQuestion, reason: FallbackReason, recorded: Recorded
    ) -> BankAnswer:
        event = asked.question.event
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

    async def _set_aside(self, asked: PendingQuestion) -> Recorded:
        """Spool the event if its caller asked for it; a disk that takes longer than the bank waits has not taken it."""
        if not asked.question.accept_late:
            return "no"
        try:
            async with asked.bounded(-SPOOL_GRACE_SECONDS, SPOOL_LEAST_SECONDS):
                spooled = await self._spool.put(asked.identity.decode(), asked.question.event)
        except TimeoutError:
            log.warning("event_not_spooled_in_time")
            return "no"
        return "spooled" if spooled else "no"


def _sent(sending: "asyncio.Task[asyncio.Future[object]]") -> Recorded:
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


def _recorded_of(body: bytes) -> str:
    return _recorded_decoder.decode(body).recorded


def _encode(answer: BankAnswer) -> bytes:
    return _encoder.encode(answer)
