"""Decoder of fetched records: events, and a dead letter for every record that is not valid.

No record is dropped: each becomes an event or a dead letter with a reason, and positions move over
rejected records, too.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

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
from forewarn.contracts.payment_question import PaymentQuestion, question_of
from forewarn.errors import ConfigurationError, ContractError
from streams.transport import RawRecord

CALLS, TRANSFERS, OUTCOMES = 0, 1, 2
"""Codes of the source topics, in the order of ``forewarn.contracts.topics.SOURCES``."""

DECODERS: tuple[Callable[[bytes | None], Event], ...] = (
    decode_call,
    decode_transfer,
    decode_outcome,
)


@dataclass(slots=True)
class DecodedRecords:
    """Consecutive records of one topic and partition, decoded.

    Attributes:
        source: code of the topic.
        next_offset: position of the reader after the records.
        events: valid records.
        offsets: of each event.
        appended_ms: append time of each event, UTC milliseconds.
        merge_ms: running maximum of the event times; since it never falls, merging topics by it
            keeps the order of each topic.
        dead_letters: of the invalid records.
        acknowledge: called once all events are done.
        cursor: how many events were taken already.
        records: the bytes as received, for an event that turns out not to be processable (the
            message that waits for its acknowledgement holds them anyway).
        questions: by offset, the payments among the events that a bank waits for.
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
    questions: Mapping[int, PaymentQuestion] = field(default_factory=dict)

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
    """Decode records in offset order.

    An event dated too long after its append is a dead letter: its time would hold back every tile of
    the entities that it touches. The append time is Kafka's, so a redelivery gives the same result.

    Args:
        records: as fetched.
        source: code of the topic.
        topic: name in the cluster, for dead letters.
        partition: for dead letters.
        next_offset: position of the reader after the records.
        acknowledge: called once all events are done.
        now_ms: UTC milliseconds, for dead letters.
        acceptance: bounds on event times.
        from_offset: records below were done before and are skipped.
    """
    decode = DECODERS[source]
    events: list[Event] = []
    offsets: list[int] = []
    appended: list[int] = []
    dead: list[DeadLetter] = []
    questions: dict[int, PaymentQuestion] = {}
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
        if source == TRANSFERS and record.headers:
            question = question_of(record.headers)
            if question is not None:
                questions[record.offset] = question
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
        questions=questions,
    )


def require_same_topic(topic: str, partition: int, floor: int, highwater: int | None) -> None:
    """Check that redelivered records do not come from a topic that was deleted and created again.

    Args:
        topic: name in the cluster.
        partition: its number.
        floor: offset up to which everything is done according to the journal.
        highwater: present end of the partition in Kafka; None if it is not known.

    Raises:
        ConfigurationError: the partition ends before the floor. To skip its records as redelivered
            would lose every one of them silently.
    """
    if highwater is not None and highwater < floor:
        raise ConfigurationError(
            f"{topic} partition {partition} ends at {highwater}, but the state has it done up to "
            f"{floor}: the topic was created again.",
            hint="Stop the workers and run `forewarn rebuild`, which sets the state to the topic.",
        )


def dead_letter(
    record: RawRecord, error: ContractError, topic: str, partition: int, now_ms: int
) -> DeadLetter:
    """Dead letter that keeps a record with the reason why it was rejected."""
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
