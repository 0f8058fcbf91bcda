"""Keys, headers and the layouts of records."""

import binascii

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features import kinds, record_header
from features.engine import Engine
from features.entity_keys import BUCKETS, Entity, key, keys, parse_key
from features.record_header import Header, Watermark
from forewarn.errors import ConfigurationError
from tests.features.builders import town

ENGINE = Engine()
U32, U48 = st.integers(0, 2**32 - 1), st.integers(0, 2**48 - 1)


@given(st.lists(st.integers(1, 2**64 - 1), max_size=20), st.sampled_from(list(Entity)))
def test_keys_name_their_entity(pseudonyms: list[int], entity: Entity) -> None:
    """A key can be parsed back, and its hash tag is the pseudonym's first byte."""
    built = keys("fw", entity, np.array(pseudonyms, dtype=np.uint64))
    assert [parse_key(k) for k in built] == [(entity, p) for p in pseudonyms]
    for k, pseudonym in zip(built, pseudonyms, strict=True):
        tag = k[k.index(b"{") + 1 : k.index(b"}")]
        assert int(tag, 16) == pseudonym >> 56
        assert key("fw", entity, pseudonym) == k


def test_hash_tags_spread_over_a_cluster_as_documented() -> None:
    """CRC16 puts 4, 20 and 31 per cent more than the mean on the fullest of 3, 6 and 12 masters."""
    slots = [binascii.crc_hqx(f"{bucket:02x}".encode(), 0) % 16384 for bucket in range(BUCKETS)]
    excess = []
    for masters in (3, 6, 12):
        loads = np.bincount([slot * masters // 16384 for slot in slots], minlength=masters)
        excess.append(round(100 * (loads.max() * masters / BUCKETS - 1)))
    assert excess == [4, 20, 31]


@given(
    st.integers(0, 255),
    U32,
    U48,
    st.lists(
        st.builds(Watermark, st.integers(0, 255), st.integers(0, 65535), U48, U32), max_size=5
    ),
)
def test_headers_round_trip(entity: int, version: int, clock: int, marks: list[Watermark]) -> None:
    """Built and parsed back, whatever follows."""
    built = Header(record_header.LAYOUT_VERSION, entity, version, clock, tuple(marks))
    data = record_header.build(built)
    assert len(data) == built.size
    assert record_header.parse(data + b"body") == built
    assert record_header.record_version(data) == version


def test_truncated_records_are_refused() -> None:
    """Too short for the header, or for the watermarks it announces."""
    data = record_header.build(Header(1, 0, 1, 1, (Watermark(0, 0, 1, 1),)))
    for size in (0, 13, len(data) - 1):
        with pytest.raises(ValueError, match="state record"):
            record_header.parse(data[:size])


def test_the_kernel_writes_the_header_that_python_reads() -> None:
    """Watermarks of all sources and partitions, with the version they landed on."""
    columns = town(300, subscribers=4, days=1, seed=21, partitions=2)
    plan = ENGINE.plan(columns)
    for write in ENGINE.run(plan).writes():
        parsed = record_header.parse(write.value)
        entity, pseudonym = parse_key(write.key)
        assert parsed.entity == entity
        column = (columns.subscriber, columns.counterparty, columns.counterparty, columns.device)
        touched = column[entity] == np.uint64(pseudonym)
        if entity in (Entity.NUMBER, Entity.ACCOUNT):
            account = columns.flags & kinds.ACCOUNT > 0
            touched &= account == (entity is Entity.ACCOUNT)
        assert parsed.last_event_ms == columns.time_ms[touched].max()
        wanted = {
            Watermark(int(s), int(p), int(columns.offset[mine].max()), 1)
            for s in range(3)
            for p in range(2)
            if (mine := touched & (columns.source == s) & (columns.partition == p)).any()
        }
        assert set(parsed.watermarks) == wanted


def test_a_record_from_a_newer_version_is_refused_with_advice() -> None:
    """After a rollback nothing is guessed."""
    plan = ENGINE.plan(town(1, subscribers=1, days=1, seed=1))
    newer = bytes([record_header.LAYOUT_VERSION + 1]) + bytes(20)
    with pytest.raises(ConfigurationError, match="forewarn rebuild"):
        ENGINE.run(plan, [newer, *[None] * (len(plan.keys) - 1)])


def test_a_record_is_bounded_however_busy_its_owner() -> None:
    """Tiles, tables and sketch have fixed room: ten times the events, hardly more bytes."""
    largest = []
    for n in (4_000, 40_000):
        columns = town(n, subscribers=2, days=35, seed=23, others=1500)
        writes = ENGINE.run(ENGINE.plan(columns)).writes()
        sizes: dict[Entity, int] = {}
        for write in writes:
            entity = parse_key(write.key)[0]
            sizes[entity] = max(sizes.get(entity, 0), len(write.value))
        largest.append(sizes)
    assert largest[1][Entity.SUBSCRIBER] < 4096
    assert largest[1][Entity.SUBSCRIBER] < 2 * largest[0][Entity.SUBSCRIBER]
    crowded = town(40_000, subscribers=3000, days=35, seed=24, others=2)
    sizes_of_crowded = [len(w.value) for w in ENGINE.run(ENGINE.plan(crowded)).writes()]
    assert max(sizes_of_crowded) < 8192


def test_a_person_with_a_few_events_a_day_takes_well_under_a_kilobyte() -> None:
    """Four events a day over 35 days, 12 numbers and 12 accounts: a lively subscriber.

    Key, object header and allocator add about 170 bytes in Redis.
    """
    columns = town(100 * 35 * 4, subscribers=100, days=35, seed=25, others=12)
    sizes = [
        len(w.value)
        for w in ENGINE.run(ENGINE.plan(columns)).writes()
        if parse_key(w.key)[0] is Entity.SUBSCRIBER
    ]
    assert np.mean(sizes) < 850
