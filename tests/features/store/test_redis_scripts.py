"""What the scripts know of a record's header is what the header says."""

import pytest

from features.record_header import Header, build
from features.store.redis_scripts import ACTIVITY_SLICE, VERSION_SLICE, commit_arguments
from features.store.state_store import Write


def test_the_version_lies_where_the_scripts_look() -> None:
    record = build(Header(layout=3, entity=2, version=0xA1B2C3D4, last_event_ms=2**47 + 12345))
    assert record[VERSION_SLICE] == (0xA1B2C3D4).to_bytes(4, "little")


def test_the_activity_changes_every_4_7_hours_and_not_before() -> None:
    def activity(last_event_ms: int) -> bytes:
        return build(Header(1, 0, 1, last_event_ms))[ACTIVITY_SLICE]

    start = 100_000 * 2**24
    assert activity(start) == activity(start + 2**24 - 1) != activity(start + 2**24)


def test_times_to_live_are_sent_once_each() -> None:
    writes = [Write(b"k%d" % i, i, b"v%d" % i, 1000 + i % 2) for i in range(4)]
    arguments = commit_arguments(b"id", [], [], writes)
    assert arguments[:3] == [b"id", 0, 0]
    assert arguments[3] == b"".join(i.to_bytes(4, "little") for i in range(4))
    assert arguments[4:8] == [b"\x01\x02\x01\x02", 2, 1000, 1001]
    assert arguments[8:] == [b"v0", b"v1", b"v2", b"v3"]


def test_a_time_that_is_to_count_from_now_has_its_bit_set() -> None:
    writes = [Write(b"k", 0, b"v", 1000), Write(b"l", 0, b"v", 1000, renew=True)]
    assert commit_arguments(b"id", [], [], writes)[4] == b"\x01\x81"


def test_more_kinds_of_time_to_live_than_a_byte_can_name_are_refused() -> None:
    with pytest.raises(ValueError, match="128"):
        commit_arguments(b"id", [], [], [Write(b"k", 0, b"v", ttl) for ttl in range(128)])
