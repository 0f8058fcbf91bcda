"""A replay of dead letters marks only what was acknowledged, and passes over what is not whole."""

import base64
from collections.abc import Iterator

import msgspec
import pytest

from forewarn.contracts import MAX_KEPT_BYTES, DeadLetter
from forewarn.errors import DependencyUnavailableError
from forewarn.platform.kafka.dead_letter_replay import BATCH_LETTERS, DeadLetterReplay, Filed
from forewarn.platform.settings import KafkaSettings
from tests.forewarn.replay.producer import AcknowledgingProducer


def _letter(reason: str = "not_json", value: bytes = b"v") -> DeadLetter:
    return DeadLetter(
        reason=reason,
        detail="",
        topic="calls",
        partition=0,
        offset=1,
        appended_at_ms=1,
        rejected_at_ms=1,
        key="",
        value=base64.b64encode(value).decode(),
    )


def _marks(producer: AcknowledgingProducer) -> list[int]:
    sent = [value for topic, value in producer.sent if topic == "dead-letters"]
    return [msgspec.json.decode(value, type=DeadLetter).offset for value in sent]


def _replay(producer: AcknowledgingProducer) -> DeadLetterReplay:
    return DeadLetterReplay(producer, KafkaSettings(), mark=True, now_ms=lambda: 5)


def test_a_letter_that_is_refused_leaves_a_mark_before_it() -> None:
    producer = AcknowledgingProducer(frozenset({3}))
    with pytest.raises(
        DependencyUnavailableError, match=r"dead letter 13 was not taken.*--from 13"
    ):
        _replay(producer).run(Filed(10 + n, _letter()) for n in range(6))
    assert _marks(producer) == [13]


def test_every_batch_is_marked_before_the_next_is_read() -> None:
    producer = AcknowledgingProducer()

    def letters() -> Iterator[Filed]:
        for offset in range(2 * BATCH_LETTERS + 1):
            if offset == BATCH_LETTERS:
                assert _marks(producer) == [BATCH_LETTERS]
            yield Filed(offset, _letter())

    tally = _replay(producer).run(letters())
    assert tally.sent == 2 * BATCH_LETTERS + 1
    assert _marks(producer) == [BATCH_LETTERS, 2 * BATCH_LETTERS, 2 * BATCH_LETTERS + 1]


@pytest.mark.parametrize(
    ("letter", "has_home"),
    [
        (_letter(value=b"x" * MAX_KEPT_BYTES), True),
        (_letter(reason="bad_row"), True),
        (_letter(value=b""), True),
        (_letter(), False),
        (None, False),
    ],
    ids=["truncated", "a row of a file", "nothing at all", "of no topic of ours", "undecodable"],
)
def test_what_is_not_a_whole_record_of_ours_is_passed_over(
    letter: DeadLetter | None, has_home: bool
) -> None:
    producer = AcknowledgingProducer()
    tally = _replay(producer).run([Filed(4, letter, has_home)])
    assert (tally.sent, tally.passed_over) == (0, 1)
    assert _marks(producer) == [5]


def test_markers_alone_are_not_marked_again() -> None:
    producer = AcknowledgingProducer()
    tally = _replay(producer).run([Filed(4, _letter(reason="replayed"))])
    assert (tally.sent, tally.passed_over, producer.sent) == (0, 0, [])
