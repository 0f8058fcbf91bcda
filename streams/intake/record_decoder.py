"""Raw records of one fetch to events, with a dead letter for every record that does not fit.

Nothing is ever dropped here: a record is either an event or a dead letter with a reason, and the
run remembers the offsets of both, so that positions move over rejected records too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from forewarn.contracts import (
    Acceptance,
    DeadLetter,
    DeadLetterReason,
    Event,
    accept,
    decode_call,
    decode_outcome,
    decode_transfer,
    kept,
)
from forewarn.errors import ConfigurationError, ContractError

CALLS, TRANSFERS, OUTCOMES = 0, 1, 2
"""Codes of the source topics, in the order of ``forewarn.contracts.topics.SOURCES``."""

DECODERS: tuple[Callable[[bytes | None], Event], ...] = (
    decode_call,
    decode_transfer,
    decode_outcome,
)


class RawRecord(Protocol):
    """What is read of a consumer record."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


@dataclass(slots=True)
class DecodedRecords:
    """Consecutive records of one topic and partition, decoded.

    ``merge_ms`` is the running maximum of the event times: it never falls within a run, so merging
    topics by it keeps each topic's own order. ``cursor`` counts the events already taken.
    ``records`` are the bytes as received, for an event that turns out not to be processable; the
    message that waits for its acknowledgement holds them anyway.
    """

    source: int
    next_offset: int
    events: list[Event]
    offsets: npt.NDArray[np.int64]
    appended_ms: npt.NDArray[np.int64]
    merge_ms: npt.NDArray[np.int64]
    dead_letters: list[DeadLetter]
    acknowledge: Callable[[], None]
    cursor: int = field(default=0)
    records: Sequence[RawRecord] = ()

    @property
    def remaining(self) -> int:
        """Events not taken yet."""
        return len(self.events) - self.cursor


def decode_records(
    records: Sequence[RawRecord],
    *,
    source: int,
    topic: str,
    partition: int,
    next_offset: int,
    acknowledge: Callable[[], None],
    now_ms: int,
    acceptance: Acceptance,
    from_offset: int = 0,
) -> DecodedRecords:
    """Decode records in offset order; those below ``from_offset`` were done before and are skipped.

    An event dated too long after its append is a dead letter: its time would hold back every tile of
    the entities that it touches. The append time is Kafka's, so a redelivery gives the same verdict.
    """
    decode = DECODERS[source]
    events: list[Event] = []
    offsets: list[int] = []
    appended: list[int] = []
    dead: list[DeadLetter] = []
    for record in records:
        if record.offset < from_offset:
            continue
        try:
            event = accept(
                decode,
                record.key,
                record.value,
                appended_at_ms=record.timestamp,
                acceptance=acceptance,
            )
        except ContractError as error:
            dead.append(dead_letter(record, error, topic, partition, now_ms))
            continue
        events.append(event)
        offsets.append(record.offset)
        appended.append(record.timestamp)
    times = np.fromiter((e.event_time_ms for e in events), np.int64, len(events))
    return DecodedRecords(
        source=source,
        next_offset=next_offset,
        events=events,
        offsets=np.array(offsets, np.int64),
        appended_ms=np.array(appended, np.int64),
        merge_ms=np.maximum.accumulate(times) if events else times,
        dead_letters=dead,
        acknowledge=acknowledge,
        records=records,
    )


def require_same_topic(topic: str, partition: int, floor: int, highwater: int | None) -> None:
    """Tell redelivered records from those of a topic that was deleted and made anew.

    Args:
        topic: name in the cluster.
        partition: its number.
        floor: offset up to which the journal says that everything was done.
        highwater: end of the partition as Kafka has it now; None if it is not known.

    Raises:
        ConfigurationError: if Kafka never held what the journal says was done. To skip these records
            as redelivered would lose every one of them in silence.
    """
    if highwater is not None and highwater < floor:
        raise ConfigurationError(
            f"{topic} partition {partition} ends at {highwater}, but the state has it done up to "
            f"{floor}: the topic was made anew.",
            hint="Stop the workers and run `forewarn rebuild`, which sets the state to the topic.",
        )


def dead_letter(
    record: RawRecord, error: ContractError, topic: str, partition: int, now_ms: int
) -> DeadLetter:
    """The message that keeps a record for which there is no other place."""
    reason: DeadLetterReason = error.reason  # type: ignore[assignment]  # decoders use its values
    return DeadLetter(
        reason=reason,
        detail=error.message[:500],
        topic=topic,
        partition=partition,
        offset=record.offset,
        appended_at_ms=record.timestamp,
        rejected_at_ms=now_ms,
        key=kept(record.key),
        value=kept(record.value),
    )
