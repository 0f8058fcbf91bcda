"""Keys, headers and the layouts of records."""

import binascii
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features import kinds, record_header
from features.engine import CorruptRecordError, Engine
from features.entity_keys import BUCKETS, Entity, StateForm, describe, key, keys, parse_key
from features.event_columns import EventColumns
from features.record_header import Header, Watermark, parse
from forewarn.errors import ConfigurationError
from tests.features.builders import town

ENGINE = Engine()
U32, U48 = st.integers(0, 2**32 - 1), st.integers(0, 2**48 - 1)


@given(
    st.lists(st.integers(1, 2**64 - 1), max_size=20),
    st.sampled_from(list(Entity)),
    st.sampled_from(list(StateForm)),
)
def test_keys_name_their_entity(pseudonyms: list[int], entity: Entity, form: StateForm) -> None:
    """A key can be parsed back, and its hash tag is the pseudonym's first byte."""
    built = keys("fw", entity, np.array(pseudonyms, dtype=np.uint64), form)
    assert [parse_key(k) for k in built] == [(entity, p) for p in pseudonyms]
    for k, pseudonym in zip(built, pseudonyms, strict=True):
        tag = k[k.index(b"{") + 1 : k.index(b"}")]
        assert int(tag, 16) == pseudonym >> 56
        assert key("fw", entity, pseudonym, form) == k
        assert describe(k).isascii()


def test_hash_tags_spread_over_a_cluster_as_documented() -> None:
    """CRC16 puts 4, 20 and 31 per cent more than the mean on the fullest of 3, 6 and 12 masters."""
    slots = [binascii.crc_hqx(f"{bucket:02x}".encode(), 0) % 16384 for bucket in range(BUCKETS)]
    excess = []
    for masters in (3, 6, 12):
        loads = np.bincount([slot * masters // 16384 for slot in slots], minlength=masters)
        excess.append(round(100 * (loads.max() * masters / BUCKETS - 1)))
    assert excess == [4, 20, 31]


@given(
    st.integers(0, 3),
    U32,
    U48,
    st.lists(
        st.builds(Watermark, st.integers(0, 255), st.integers(0, 65535), U48, U32), max_size=5
    ),
)
def test_headers_round_trip(entity: int, version: int, clock: int, marks: list[Watermark]) -> None:
    """Built and parsed back, whatever follows."""
    for layout in (record_header.PLAIN_LAYOUT, record_header.COMPACT_LAYOUT):
        built = Header(layout, entity, version, clock, tuple(marks))
        data = record_header.build(built)
        assert record_header.parse(data + b"body") == built
        assert record_header.record_version(data) == version
    assert data[1:].startswith(record_header.version_bytes(version))


def test_truncated_records_are_refused() -> None:
    """Too short for the header, or for the watermarks it announces."""
    data = record_header.build(Header(1, 0, 1, 1, (Watermark(0, 0, 1, 1),)))
    compact = record_header.build(
        Header(record_header.COMPACT_LAYOUT, 0, 300, 1, (Watermark(0, 0, 1, 1),))
    )
    for short in (b"", data[:13], data[:-1], compact[:2], compact[:-2]):
        with pytest.raises(ValueError, match="state record"):
            record_header.parse(short)


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
    newer = bytes([record_header.COMPACT_LAYOUT + 1 << 3]) + bytes(20)
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


def _packed(columns: EventColumns, form: StateForm) -> tuple[list[bytes], list[bytes]]:
    """The records after two runs of a town, and the keys without the form."""
    engine = Engine(form=lambda: form)
    half = len(columns) // 2
    records: dict[bytes, bytes] = {}
    for part in (slice(0, half), slice(half, len(columns))):
        plan = engine.plan(columns.take(part))
        result = engine.run(plan, [records.get(key) for key in plan.keys])
        result.set_annex(0, b"an annex")
        records |= {write.key: write.value for write in result.writes()}
    ordered = sorted(records, key=parse_key)
    return ordered, [records[key] for key in ordered]


@pytest.mark.parametrize("seed", range(4))
def test_both_layouts_hold_the_same_state(seed: int) -> None:
    """What is read from compact records is what is read from plain ones: each can be written from the other."""
    columns = town(6000, subscribers=30, days=40, seed=seed, others=300, partitions=3)
    keys_of_plain, plain = _packed(columns, StateForm.PLAIN)
    keys_of_compact, compact = _packed(columns, StateForm.COMPACT)
    assert list(map(parse_key, keys_of_plain)) == list(map(parse_key, keys_of_compact))
    assert [replace(parse(r), layout=0) for r in plain] == [
        replace(parse(r), layout=0) for r in compact
    ]
    later = town(600, subscribers=30, days=41, seed=seed + 50, others=300, partitions=3)
    later = replace(later, time_ms=later.time_ms + 40 * 86_400_000, offset=later.offset + 100_000)
    results = []
    for read, key_list, form in (
        (plain, keys_of_compact, StateForm.COMPACT),
        (compact, keys_of_compact, StateForm.COMPACT),
        (compact, keys_of_plain, StateForm.PLAIN),
        (plain, keys_of_plain, StateForm.PLAIN),
    ):
        engine = Engine(form=lambda form=form: form)
        stored = dict(zip(key_list, read, strict=True))
        plan = engine.plan(later)
        result = engine.run(plan, [stored.get(key) for key in plan.keys])
        results.append((result.vectors, [write.value for write in result.writes()]))
    for vectors, _values in results[1:]:
        np.testing.assert_array_equal(vectors, results[0][0])
    assert results[0][1] == results[1][1]
    assert results[2][1] == results[3][1]


@given(st.data())
def test_a_corrupted_compact_record_is_reported_or_read_within_bounds(data: st.DataObject) -> None:
    """Any bits may be flipped and any bytes cut off: an error with advice, or another record, but no crash."""
    record = bytearray(data.draw(st.sampled_from(_SAMPLE)))
    for at in data.draw(st.lists(st.integers(8, 8 * len(record) - 1), min_size=1, max_size=8)):
        record[at // 8] ^= 1 << at % 8
    damaged = bytes(record[: data.draw(st.integers(8, len(record)))])
    entity = damaged[0] & 3
    columns = town(1, subscribers=1, days=1, seed=1)
    plan = ENGINE.plan(columns)
    records = [damaged if kind == entity else None for kind in plan.entity.tolist()]
    with suppress(CorruptRecordError, ValueError):
        ENGINE.run(plan, records).writes()
    with suppress(ValueError):
        parse(damaged)


_SAMPLE = _packed(
    town(4000, subscribers=20, days=40, seed=9, others=300, partitions=3), StateForm.COMPACT
)[1]
