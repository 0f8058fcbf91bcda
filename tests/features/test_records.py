"""Keys, headers and the layouts of records."""

import base64
import binascii
import json
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features import kinds, record_header
from features.engine import Engine
from features.entity_keys import BUCKETS, Entity, key, keys, parse_key
from features.migrations import migrate
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


def _as_layout_0(record: bytes) -> bytes:
    """The record as the first trials wrote it: no version in a watermark, no annex."""
    parsed = record_header.parse(record)
    head = struct.pack("<BBHI", 0, parsed.entity, len(parsed.watermarks), parsed.version)
    marks = b"".join(
        struct.pack("<BH", m.source, m.partition) + m.offset.to_bytes(6, "little")
        for m in parsed.watermarks
    )
    body = record[parsed.size + 2 :]
    return head + parsed.last_event_ms.to_bytes(6, "little") + marks + body


LAYOUT_1 = Path(__file__).parent / "records_of_layout_1.json"
"""Records that layout 1 wrote of the first 200 events of ``town(240, subscribers=4, days=2, seed=26,
others=6)``, with an annex for the first event's subscriber."""


def layout_1() -> dict[bytes, bytes]:
    stored = json.loads(LAYOUT_1.read_text())
    return {k.encode(): base64.b64decode(v) for k, v in stored.items()}


def test_records_of_an_old_layout_are_read_and_written_in_the_new_one() -> None:
    """Layout 1 serves what its events said; with those of the next chunk it turns into layout 2.

    Left out are the features whose meaning changed with it: layout 1 knew no cases, no levels of pairs and
    no ends of outbound calls, and it counted a transfer twice whose first status it had forgotten.
    """
    columns = town(240, subscribers=4, days=2, seed=26, others=6)
    plan = ENGINE.plan(columns.take(slice(200, None)))
    first = {w.key: w.value for w in ENGINE.run(ENGINE.plan(columns.take(slice(0, 200)))).writes()}
    old, new = layout_1(), [first.get(key) for key in plan.keys]
    assert old.keys() == first.keys()
    assert {record[0] for record in old.values()} == {1}
    migrated = ENGINE.run(plan, [old.get(key) for key in plan.keys])
    assert {w.value[0] for w in migrated.writes()} == {record_header.LAYOUT_VERSION}
    expected, known = ENGINE.run(plan, new).vectors, ENGINE.catalog.names
    kept = (
        "in_",
        "talk_",
        "accounts_",
        "numbers_",
        "night_",
        "refused_",
        "calls_",
        "line_",
        "local_",
    )
    kept += ("forwarding_on", "hangup_since", "funding", "refund", "incoming", "amount_to_previous")
    kept += ("account_re", "account_at", "account_pa", "account_on", "device_tr", "device_su")
    kept += ("number_short", "number_talk", "number_unanswered", "number_callees", "number_calls")
    same = [j for j, name in enumerate(known) if name.startswith(kept)]
    assert len(same) > 70
    assert migrated.vectors[:, same].tobytes() == expected[:, same].tobytes()


def test_what_follows_a_dropped_field_is_read_from_its_place() -> None:
    """A subscriber with a suspicious hang-up had a field in layout 1 that layout 2 gave away."""
    grown = set()
    for k, record in layout_1().items():
        if parse_key(k)[0] is not Entity.SUBSCRIBER:
            continue
        annex = record_header.parse(record).size
        head = annex + 2 + int.from_bytes(record[annex : annex + 2], "little") + 5
        had = record[head + 3] >> 1 & 1  # field 25, of one byte
        assert len(migrate(record)) - len(record) == 4 - had
        grown.add(had)
    assert 1 in grown


def test_layout_0_reads_as_layout_1_did() -> None:
    """The oldest records go through both migrations: only the annex was added on the way."""
    for k, record in layout_1().items():
        if b"open warning" not in record:
            assert migrate(_as_layout_0(record)) == _landed(migrate(record)), k


def _landed(record: bytes) -> bytes:
    """The record with all its watermarks landed on its version, as layout 0 has to assume."""
    parsed = record_header.parse(record)
    marks = tuple(replace(mark, version=parsed.version) for mark in parsed.watermarks)
    return record_header.build(replace(parsed, watermarks=marks)) + record[parsed.size :]


def test_a_record_from_a_newer_version_is_refused_with_advice() -> None:
    """After a rollback nothing is guessed."""
    with pytest.raises(ConfigurationError, match="forewarn rebuild"):
        migrate(bytes([record_header.LAYOUT_VERSION + 1]) + bytes(20))


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
