"""Consumer of the lists topic: blocked, trusted, excepted and watched numbers and accounts.

Every worker reads the whole topic.
"""

import asyncio
import contextlib
import time

import msgspec
import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import ConsumerStoppedError, KafkaError

from forewarn.errors import ConfigurationError, DependencyUnavailableError
from models.policy import Lists

log = structlog.get_logger(__name__)

CATCH_UP_SECONDS = 30.0
"""Longest silence while the lists are read, before the first event is decided."""

ANSWER_SECONDS = 5.0
"""How long Kafka may take to return the end of the lists."""


class ListsConsumer:
    """Keeps ``Lists`` equal to the topic; reads without a group, for it commits nothing.

    Args:
        lists: changed in place.
        topic: name in the cluster; one partition, compacted.
        arguments: of ``AIOKafkaConsumer``.
    """

    def __init__(self, lists: Lists, topic: str, arguments: dict[str, object]) -> None:
        self._lists = lists
        self._partition = TopicPartition(topic, 0)
        self._arguments = arguments
        self._consumer: AIOKafkaConsumer | None = None

    async def start(self) -> None:
        """Read the topic to its present end, so that no event is decided without the lists.

        Raises:
            DependencyUnavailableError: Kafka does not answer.
        """
        consumer = AIOKafkaConsumer(**self._arguments, enable_auto_commit=False)
        self._consumer = consumer
        try:
            await consumer.start()
            consumer.assign([self._partition])
            await consumer.seek_to_beginning(self._partition)
            end = (await consumer.end_offsets([self._partition]))[self._partition]
            position, moved_at = 0, time.monotonic()
            while position < end:
                await self._read(1.0)
                before, position = position, await consumer.position(self._partition)
                moved_at = time.monotonic() if position > before else moved_at
                if time.monotonic() - moved_at > CATCH_UP_SECONDS:
                    raise DependencyUnavailableError(
                        f"the lists stop at offset {position} of {end}: Kafka sends no more."
                    )
        except KafkaError as error:
            raise DependencyUnavailableError(f"the lists cannot be read: {error!r}.") from error
        log.info("lists_loaded", entries=len(self._lists))

    async def follow(self) -> None:
        """Apply changes for as long as the worker runs."""
        while True:
            try:
                await self._read(1.0)
            except ConsumerStoppedError:
                return
            except KafkaError as error:  # the client reconnects by itself
                log.warning("lists_read_failed", why=repr(error))
                await asyncio.sleep(1.0)

    async def answers(self) -> bool:
        """Whether Kafka answers now; asked on a connection that belongs to no group."""
        if self._consumer is None:
            return False
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._consumer.end_offsets([self._partition])
        except (KafkaError, TimeoutError):
            return False
        return True

    async def stop(self) -> None:
        """Disconnect."""
        if self._consumer is not None:
            with contextlib.suppress(KafkaError):
                await self._consumer.stop()

    async def _read(self, timeout_seconds: float) -> None:
        if self._consumer is None:
            raise RuntimeError("the consumer was not started")
        batches = await self._consumer.getmany(timeout_ms=int(timeout_seconds * 1000))
        for records in batches.values():
            for record in records:
                try:
                    self._lists.apply(record.key, record.value)
                except (msgspec.MsgspecError, ValueError) as error:
                    # The alerting service is the only writer: this is its fault, not an attack.
                    log.warning("list_entry_skipped", offset=record.offset, why=str(error))
                except ConfigurationError as error:
                    log.warning("lists_full", why=str(error))
