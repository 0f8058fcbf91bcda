"""Questions to the workers and their answers, over Kafka.

A question is an ordinary record of ``transfers`` with headers; its answer arrives on the one partition of
``answers`` that this replica reads, without a group, since it commits nothing. Replicas may share a
partition: each ignores what it did not ask. Beside it every replica reads the one partition of ``unkept-answers``, in
which replicas tell each other what Redis did not take.
"""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable
from itertools import count
from typing import Any

import msgspec
import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import ConsumerStoppedError, KafkaError

from forewarn.contracts import Transfer, encode
from forewarn.contracts.payment_answer import PaymentAnswer, decode_payment_answer
from forewarn.contracts.payment_question import PaymentQuestion, question_headers
from forewarn.contracts.unkept_answer import UnkeptAnswer, decode_unkept_answer
from forewarn.errors import ConfigurationError, DependencyUnavailableError
from forewarn.platform.kafka.client_errors import missing_topic
from streams.decisions.answer_memory import KeptAnswer

log = structlog.get_logger(__name__)

REREAD_SECONDS = 10.0
"""How far back a started replica reads: answers that came while it was down count for a bank that asks again."""

REREAD_UNKEPT_SECONDS, REREAD_UNKEPT_ANSWERS = 3600.0, 10_000
"""How far back it reads what Redis did not take: for as long as the topic keeps it, and at most half of what a replica
remembers. What Redis has meanwhile costs a round trip for a hundred answers."""

REREAD_TIMEOUT_SECONDS = 10.0
"""Longest wait for these answers before the replica goes on without the rest of them, which it reads later."""

OnLateAnswer = Callable[[bytes, PaymentAnswer], None]
"""(question id, answer): called for an answer that no request waits for any more; must not block."""

OnUnkeptAnswer = Callable[[bytes, KeptAnswer], None]
"""(identity, answer): called for each answer that a replica gave and Redis did not take, in the order of the records;
must not block."""


class QuestionLink:
    """Asks the workers.

    Args:
        arguments: of aiokafka's clients.
        transfers: name in the cluster of the topic of events.
        answers: name in the cluster of the topic of answers.
        unkept: name in the cluster of the topic of unkept answers.
        partition: of ``answers``; None for any.
    """

    def __init__(
        self,
        arguments: dict[str, Any],
        *,
        transfers: str,
        answers: str,
        unkept: str,
        partition: int | None,
    ) -> None:
        self._arguments = arguments
        self._transfers = transfers
        self._answers = answers
        self._unkept = TopicPartition(unkept, 0)
        self._wanted_partition = partition
        self._waiting: dict[bytes, asyncio.Future[PaymentAnswer]] = {}
        self._numbers = count()
        self._replica = secrets.token_hex(4).encode()
        self._read_before = 0
        self._producer: AIOKafkaProducer | None = None
        self._consumer: AIOKafkaConsumer | None = None
        self._reader: asyncio.Task[None] | None = None
        self.partition = partition or 0

    async def start(self, on_late: OnLateAnswer, on_unkept: OnUnkeptAnswer) -> None:
        """Connect, learn what Redis did not take, and read answers from some seconds ago on.

        Args:
            on_late: receives the answers that come after their deadline.
            on_unkept: receives the answers that Redis did not take.

        Raises:
            DependencyUnavailableError: Kafka does not answer.
            ConfigurationError: a topic or the partition is missing.
        """
        # Not idempotent: a repeated event changes nothing, and what a broken sequence would hold
        # back is a payment.
        self._producer = AIOKafkaProducer(**self._arguments, acks="all", linger_ms=0)
        self._consumer = AIOKafkaConsumer(**self._arguments, enable_auto_commit=False)
        try:
            await self._producer.start()
            await self._consumer.start()
            existing = await self._consumer.topics()
            for topic in (self._transfers, self._answers, self._unkept.topic):
                if topic not in existing:
                    raise missing_topic(topic)
            partitions = sorted(await self._producer.partitions_for(self._answers))
            if self._wanted_partition is None:
                self.partition = secrets.choice(partitions)
            elif self._wanted_partition not in partitions:
                raise ConfigurationError(
                    f"{self._answers} has no partition {self._wanted_partition}.",
                    hint="Set FOREWARN_DECIDE_ANSWER_PARTITION to one that exists.",
                )
            # Before the late answers: none of them replaces what a bank was given.
            place = await self._reread_unkept(self._consumer, on_unkept)
            await self._seek(self._consumer, place)
        except KafkaError as error:
            raise DependencyUnavailableError(f"Kafka cannot be reached: {error!r}.") from error
        self._reader = asyncio.create_task(
            self._read(self._consumer, on_late, on_unkept), name="answers"
        )

    async def stop(self) -> None:
        """Disconnect."""
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)
        for client in (self._consumer, self._producer):
            if client is not None:
                with contextlib.suppress(KafkaError, TimeoutError):
                    await asyncio.wait_for(client.stop(), 5.0)
        self._reader = self._consumer = self._producer = None

    @property
    def alive(self) -> bool:
        """Whether answers are read."""
        return self._reader is not None and not self._reader.done()

    def expect(self, name: bytes) -> tuple[bytes, "asyncio.Future[PaymentAnswer]"]:
        """Id of a new question, and what its answer will arrive in; end with ``forget``.

        Args:
            name: of the question (identity and digest); the id begins with it.
        """
        number = next(self._numbers) & 0xFFFFFFFF
        question_id = b"%s%s%08x" % (name, self._replica, number)
        future: asyncio.Future[PaymentAnswer] = asyncio.get_running_loop().create_future()
        self._waiting[question_id] = future
        return question_id, future

    def forget(self, question_id: bytes) -> None:
        """Wait no longer."""
        self._waiting.pop(question_id, None)

    async def ask(
        self, question_id: bytes, event: Transfer, answer_by_ms: int
    ) -> "asyncio.Future[Any]":
        """Send a question; the result is done when Kafka has the event.

        Raises:
            DependencyUnavailableError: the producer does not take it.
        """
        question = PaymentQuestion(question_id, self.partition, answer_by_ms)
        return await self._send(event, question_headers(question))

    async def send(self, event: Transfer) -> None:
        """Send an event that no bank waits for, and wait until Kafka has it.

        Raises:
            DependencyUnavailableError: Kafka did not take it.
        """
        sent = await self._send(event, [])
        try:
            await sent
        except (KafkaError, TimeoutError) as error:
            raise DependencyUnavailableError(f"Kafka did not take an event: {error!r}.") from error

    async def share(self, identity: bytes, answer: KeptAnswer) -> None:
        """Tell all replicas, this one too, of an answer; returns when Kafka has it.

        Args:
            identity: of the question.
            answer: that was given, or is about to be.

        Raises:
            DependencyUnavailableError: Kafka did not take it.
        """
        record = UnkeptAnswer(
            identity=identity.decode(),
            digest=answer.digest.decode(),
            answer=msgspec.Raw(answer.body),
        )
        sent = await self._append(self._unkept.topic, identity, msgspec.json.encode(record), [])
        try:
            await sent
        except (KafkaError, TimeoutError) as error:
            raise DependencyUnavailableError(f"Kafka did not take an answer: {error!r}.") from error

    async def _send(
        self, event: Transfer, headers: list[tuple[str, bytes]]
    ) -> "asyncio.Future[Any]":
        key = event.subscriber.encode()
        return await self._append(self._transfers, key, encode(event), headers)

    async def _append(
        self, topic: str, key: bytes, value: bytes, headers: list[tuple[str, bytes]]
    ) -> "asyncio.Future[Any]":
        if self._producer is None or self._reader is None:
            raise DependencyUnavailableError("Kafka was not reached yet.")
        try:
            sent: asyncio.Future[Any] = await self._producer.send(
                topic, value, key=key, headers=headers
            )
        except (KafkaError, TimeoutError) as error:
            raise DependencyUnavailableError(f"Kafka did not take a record: {error!r}.") from error
        return sent

    async def _reread_unkept(self, consumer: AIOKafkaConsumer, on_unkept: OnUnkeptAnswer) -> int:
        """Read what Redis did not take to its present end; returns the offset to go on at."""
        place = self._unkept
        consumer.assign([place])
        end = (await consumer.end_offsets([place]))[place]
        since_ms = int((time.time() - REREAD_UNKEPT_SECONDS) * 1000)
        found = (await consumer.offsets_for_times({place: since_ms}))[place]
        begin = end if found is None else max(found.offset, end - REREAD_UNKEPT_ANSWERS)
        consumer.seek(place, begin)
        until = time.monotonic() + REREAD_TIMEOUT_SECONDS
        while (position := await consumer.position(place)) < end:
            if time.monotonic() > until:
                log.warning("unkept_answers_not_read", records=end - position)
                break
            for record in (await consumer.getmany(place, timeout_ms=200)).get(place, ()):
                _take_unkept(record, on_unkept)
        return int(position)

    async def _seek(self, consumer: AIOKafkaConsumer, unkept_offset: int) -> None:
        mine = TopicPartition(self._answers, self.partition)
        consumer.assign([mine, self._unkept])
        consumer.seek(self._unkept, unkept_offset)
        self._read_before = (await consumer.end_offsets([mine]))[mine]
        since_ms = int((time.time() - REREAD_SECONDS) * 1000)
        found = (await consumer.offsets_for_times({mine: since_ms}))[mine]
        if found is None:
            await consumer.seek_to_end(mine)
        else:
            consumer.seek(mine, found.offset)

    async def _read(
        self, consumer: AIOKafkaConsumer, on_late: OnLateAnswer, on_unkept: OnUnkeptAnswer
    ) -> None:
        while True:
            try:
                batches = await consumer.getmany(timeout_ms=1000)
            except ConsumerStoppedError:
                return
            except KafkaError as error:  # the client reconnects by itself
                log.warning("answers_read_failed", why=repr(error))
                await asyncio.sleep(0.2)
                continue
            for record in batches.pop(self._unkept, ()):
                _take_unkept(record, on_unkept)
            for records in batches.values():
                for record in records:
                    self._take(record, on_late)

    def _take(self, record: Any, on_late: OnLateAnswer) -> None:
        question_id = record.key or b""
        waiting = self._waiting.get(question_id)
        # A replica that shares the partition takes its own answers; before the start there is none.
        mine = question_id[-16:-8] == self._replica or record.offset < self._read_before
        if waiting is None and not mine:
            return
        try:
            answer = decode_payment_answer(record.value or b"")
        except msgspec.MsgspecError as error:
            log.warning("answer_skipped", why=str(error))
            return
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)
        else:
            on_late(question_id, answer)


def _take_unkept(record: Any, on_unkept: OnUnkeptAnswer) -> None:
    try:
        found = decode_unkept_answer(record.value or b"")
    except msgspec.MsgspecError as error:
        log.warning("unkept_answer_skipped", why=str(error))
        return
    answer = KeptAnswer(found.digest.encode(), bytes(found.answer))
    on_unkept(found.identity.encode(), answer)
