"""Producer of a batch's warnings, scores and dead letters.

Records go into record batches built here, one for each topic and partition of a batch: ``send`` for
each record costs tens of microseconds, which at 20,000 scores a second is a whole core. Outputs of partition *p* go to partition *p*, so they need no partitioner and stay next to
the subscriber's events.
"""

import asyncio
import contextlib
from collections.abc import Iterable, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    InvalidProducerIdMapping,
    InvalidTimestampError,
    KafkaError,
    MessageSizeTooLargeError,
    OutOfOrderSequenceNumber,
    PolicyViolationError,
    ProducerClosed,
    ProducerFenced,
    RecordListTooLargeError,
    UnknownProducerId,
)

from forewarn.errors import ConfigurationError, DependencyUnavailableError, ForewarnError

KeyValue = tuple[bytes | None, bytes]

STOP_SECONDS = 5.0
"""Bound on the last flush, which otherwise lasts until Kafka is back."""

_BROKEN = (
    InvalidProducerIdMapping,
    OutOfOrderSequenceNumber,
    ProducerClosed,
    ProducerFenced,
    UnknownProducerId,
)


class ProducerBrokenError(ForewarnError):
    """The producer can never send again; only a new one helps."""


class OutputProducer:
    """Idempotent producers that send whole batches; all outputs of a partition go through the same one.

    aiokafka has one request to a broker on its way at a time, so with a single producer the batch of one lane waits
    for the acknowledgement of another's.

    Args:
        connections: number of producers, as many as lanes.
        arguments: of ``AIOKafkaProducer``; ``acks=all`` and idempotence are added, since an
            output that Kafka may have lost must be sent again before the event's offset is
            committed.
    """

    def __init__(self, arguments: dict[str, object], connections: int = 1) -> None:
        self._arguments = arguments | {"acks": "all", "enable_idempotence": True}
        self._connections = connections
        self._started: list[AIOKafkaProducer] = []

    def _producer_of(self, partition: int) -> AIOKafkaProducer:
        if not self._started:
            raise RuntimeError("the producer was not started")
        return self._started[partition % len(self._started)]

    async def start(self) -> None:
        """Connect.

        Raises:
            DependencyUnavailableError: no broker answers.
        """
        for _ in range(self._connections):
            producer = AIOKafkaProducer(**self._arguments)  # needs the running loop
            self._started.append(producer)
            try:
                await producer.start()
            except KafkaError as error:
                raise DependencyUnavailableError(
                    f"Kafka cannot be reached to produce: {error!r}."
                ) from error

    async def stop(self) -> None:
        """Disconnect; outputs that Kafka has not taken are repeated from the journal."""
        stopping = asyncio.gather(*(producer.stop() for producer in self._started))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping, STOP_SECONDS)

    async def send(self, topic: str, partition: int, records: Sequence[KeyValue]) -> None:
        """Append records to one partition and wait until all replicas in sync have them.

        Raises:
            DependencyUnavailableError: Kafka did not acknowledge; sending again is safe, for
                every output has a derived id.
            ProducerBrokenError: sending again with this producer cannot succeed.
        """
        if not records:
            return
        producer = self._producer_of(partition)
        try:
            pending: list[asyncio.Future[Any]] = []
            remaining = iter(records)
            record = next(remaining, None)
            while record is not None:
                batch = producer.create_batch()
                while record is not None and (
                    batch.append(timestamp=None, key=record[0], value=record[1]) is not None
                ):
                    record = next(remaining, None)
                if batch.record_count() == 0:
                    raise ConfigurationError(
                        f"an output for {topic} is larger than the producer's batch."
                    )
                pending.append(await producer.send_batch(batch, topic, partition=partition))
            await asyncio.gather(*pending)
        except AssertionError as error:  # the client's sign of a missing partition
            raise ConfigurationError(
                f"{topic} has no partition {partition}.",
                hint="Outputs need as many partitions as the sources: `forewarn topics check`.",
            ) from error
        except (MessageSizeTooLargeError, RecordListTooLargeError) as error:
            raise ConfigurationError(
                f"the broker refuses a batch for {topic}: {error}",
                hint="Raise max.message.bytes of the topic to at least one mebibyte.",
            ) from error
        except (InvalidTimestampError, PolicyViolationError) as error:
            # Sent again it is refused again, and after one refusal this producer is dead for the partition.
            raise ConfigurationError(
                f"the broker refuses a batch for {topic}: {type(error).__name__}.",
                hint="Compare the clocks of worker and broker, and see message.timestamp.type of the topic.",
            ) from error
        except (KafkaError, TimeoutError) as error:
            # The client fails everything with the bare class once its sender has died.
            if isinstance(error, _BROKEN) or type(error) is KafkaError:
                raise ProducerBrokenError(
                    f"the producer of outputs is broken: {error!r}.",
                    hint="The worker restarts and repeats the chunk from its journal.",
                ) from error
            raise DependencyUnavailableError(
                f"Kafka did not acknowledge outputs for {topic}: {error!r}."
            ) from error

    async def send_all(self, parts: Iterable[tuple[str, int, Sequence[KeyValue]]]) -> None:
        """Send to several partitions at once; raises as ``send`` does."""
        await asyncio.gather(*(self.send(*part) for part in parts if part[2]))
