"""What does not fit becomes a dead letter that the broker takes, whatever its size."""

import base64
from types import SimpleNamespace

import pytest

from forewarn.errors import ConfigurationError
from forewarn.events import MAX_KEPT_BYTES, encode
from streams.decode import decode_run, require_same_topic


def test_the_largest_record_makes_a_dead_letter_that_fits_into_a_mebibyte() -> None:
    """Else the producer would be refused for good, and one record would stop the partition."""
    huge = bytes(range(256)) * 4095
    record = SimpleNamespace(offset=7, timestamp=1, key=huge, value=huge)
    run = decode_run(
        [record],
        source=0,
        topic="calls",
        partition=0,
        next_offset=8,
        acknowledge=lambda: None,
        now_ms=1,
        future_ms=0,
    )
    (letter,) = run.dead_letters
    assert letter.reason == "too_large"
    assert base64.b64decode(letter.value) == huge[:MAX_KEPT_BYTES]
    assert len(encode(letter)) < 1_000_000


def test_a_topic_that_was_made_anew_is_not_taken_for_a_redelivery() -> None:
    """Its records lie below the journal's floor and would all be skipped in silence."""
    require_same_topic("calls", 3, floor=100, highwater=100)
    require_same_topic("calls", 3, floor=100, highwater=None)
    with pytest.raises(ConfigurationError, match="made anew"):
        require_same_topic("calls", 3, floor=100, highwater=7)
