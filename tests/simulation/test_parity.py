"""What the worker logs is what offline computes, through races, repetitions and crashes."""

import asyncio
import base64
import os
import random
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from features.engine import Engine
from features.event_columns import EventColumns, concat
from features.offline import build
from features.offline.chunk_replay import InconsistentVersionsError
from features.offline.frame_columns import COLUMNS_OF
from features.offline.parity import check_parity
from features.offline.topic_frames import StoredRecord, frame_of
from features.record_header import parse, record_version
from forewarn.contracts.topics import SOURCES
from tests.simulation.installation import PSEUDONYMISER, Installation
from tests.simulation.little_town import Crowd, facts

SEED = int(os.environ.get("FOREWARN_SIMULATION_SEED", "20260105"))


def disturbed(seed: int, count: int) -> list:
    """Events that come twice, late, and out of order."""
    rng = random.Random(seed)
    events = facts(seed, count)
    events += [event for event in events if rng.random() < 0.05]  # sent twice by their source
    late_ms = {
        id(event): rng.choice([0, 0, 0, 0, 60_000, 3_600_000, 86_400_000]) for event in events
    }
    return sorted(events, key=lambda event: event.event_time_ms + late_ms[id(event)])


def export(place: Installation, directory: Path) -> Path:
    """What `forewarn export` would write of the installation's topics."""
    for source, topic in enumerate(SOURCES):
        raws = [
            StoredRecord(partition, record.offset, record.timestamp, record.value)
            for (code, partition), records in place.log.items()
            if code == source
            for record in records
        ]
        (directory / topic).mkdir(parents=True)
        frame_of(topic, raws).write_parquet(directory / topic / "all.parquet")
    raws = [
        StoredRecord(partition, offset, 1_767_571_200_000 + offset, value)
        for (topic, partition), values in place.outputs.records.items()
        if topic == "scores"
        for offset, value in enumerate(values)
    ]
    (directory / "scores").mkdir()
    frame_of("scores", raws).write_parquet(directory / "scores" / "all.parquet")
    return directory


@pytest.fixture(scope="module")
def stormy(tmp_path_factory: pytest.TempPathFactory) -> tuple[Installation, Path]:
    """Four partitions, two workers, crashes at every step, partitions stolen from the living."""
    print(f"seed {SEED}: repeat with FOREWARN_SIMULATION_SEED={SEED}")
    place = Installation(SEED, partitions=4, crash_chance=0.015, steal_chance=0.1)
    place.append(disturbed(SEED, 3000))
    asyncio.run(place.run())
    place.faults.chance = 0.0
    return place, export(place, tmp_path_factory.mktemp("stormy") / "export")


async def test_every_vector_is_computed_again_bit_for_bit(stormy) -> None:
    place, directory = stormy
    found = check_parity(directory, PSEUDONYMISER)
    assert found.first is None
    assert found.proved
    assert found.uncovered == 0
    assert found.unscored == 0, "an event was lost"
    assert found.compared - found.repeated == sum(map(len, place.log.values()))


async def test_the_faulty_run_contains_races_repeats_and_crashes(stormy) -> None:
    place, directory = stormy
    found = check_parity(directory, PSEUDONYMISER)
    assert found.races > 50
    assert found.repeated > 50
    assert place.steals > 3
    assert place.metrics.fenced._value.get() > 0
    assert place.metrics.recovered._value.get() > 3
    assert set(place.faults.crashes) == {
        "before loading",
        "before the journal",
        "between journal and records",
        "between records",
        "after the records",
        "before producing",
        "between outputs",
        "before the acknowledgement",
        "before committing offsets",
    }


async def test_state_is_as_if_every_event_had_been_applied_once(stormy) -> None:
    """Each chunk raises the version of each of its records by one, however often it was tried."""
    place, directory = stormy
    scores = pl.read_parquet(directory / "scores" / "all.parquet")
    chunk_of = {
        (row["source"]["topic"], row["source"]["partition"], row["source"]["offset"]): row["chunk"]
        for row in scores.iter_rows(named=True)
    }
    columns = _columns(directory)
    plan = Engine().plan(columns)
    touched: Counter[bytes] = Counter()
    seen = set()
    newest: dict[tuple[bytes, int, int], int] = {}
    for row in range(len(columns)):
        source, partition = int(columns.source[row]), int(columns.partition[row])
        offset = int(columns.offset[row])
        chunk = chunk_of[SOURCES[source], partition, offset]
        for slot in plan.slots[row][plan.slots[row] >= 0]:
            key = plan.keys[slot]
            newest[key, source, partition] = max(newest.get((key, source, partition), -1), offset)
            if (key, partition, chunk) not in seen:
                seen.add((key, partition, chunk))
                touched[key] += 1
    records = dict(zip(plan.keys, await place.store.load(plan.keys), strict=True))
    assert {key: record_version(record) for key, record in records.items()} == touched
    for (key, source, partition), offset in newest.items():
        mark = parse(records[key]).watermark(source, partition)
        assert mark is not None
        assert mark.offset == offset


async def test_a_tampered_vector_is_found_and_named(stormy, tmp_path: Path) -> None:
    _, directory = stormy
    victim = 777

    def tamper(scores: pl.DataFrame) -> pl.DataFrame:
        vectors = scores["vector"].to_list()
        values = np.frombuffer(base64.b64decode(vectors[victim]), "<f4").copy()
        values[5] = np.nextafter(values[5], np.float32(np.inf)) if np.isfinite(values[5]) else 1.0
        vectors[victim] = base64.b64encode(values).decode()
        return scores.with_columns(vector=pl.Series(vectors))

    found = check_parity(altered(directory, tmp_path, tamper), PSEUDONYMISER)
    assert found.differing == 1
    assert not found.proved
    assert found.first is not None
    scores = pl.read_parquet(directory / "scores" / "all.parquet")
    assert found.first.event_id == scores["event_id"][victim]
    assert found.first.feature == Engine().catalog.names[5]


async def test_an_event_that_is_changed_afterwards_is_found(stormy, tmp_path: Path) -> None:
    _, directory = stormy

    def change(transfers: pl.DataFrame) -> pl.DataFrame:
        return transfers.with_columns(pl.col("amount_minor") + 1)

    found = check_parity(altered(directory, tmp_path, change, "transfers"), PSEUDONYMISER)
    assert found.differing > 0


async def test_a_score_that_is_missing_is_no_proof(stormy, tmp_path: Path) -> None:
    _, directory = stormy
    lost = altered(directory, tmp_path, lambda scores: scores.filter(pl.col("chunk") != 5))
    found = check_parity(lost, PSEUDONYMISER)
    assert found.unscored > 0
    assert not found.proved
    assert found.uncovered > 0, "what rests on the missing chunks cannot be computed"


async def test_a_lost_update_is_an_inconsistency(stormy, tmp_path: Path) -> None:
    """Two chunks that landed on one version: one of them was overwritten."""
    _, directory = stormy

    def overwrite(scores: pl.DataFrame) -> pl.DataFrame:
        # As if no writer had looked before writing: every update landed where it read.
        return scores.with_columns(applied=pl.lit([], pl.List(pl.Int64)))

    with pytest.raises(InconsistentVersionsError):
        check_parity(altered(directory, tmp_path, overwrite), PSEUDONYMISER)


async def test_without_faults_the_backfill_alone_gives_the_same_bits(tmp_path: Path) -> None:
    """One partition, events in order: nothing but the events is needed to repeat the vectors."""
    place = Installation(SEED, partitions=1)
    place.append(facts(SEED, 1500, Crowd(people=25)))
    await place.run()
    directory = export(place, tmp_path)
    assert check_parity(directory, PSEUDONYMISER).proved
    table = build(
        *(pl.read_parquet(directory / topic / "all.parquet") for topic in SOURCES),
        pseudonymiser=PSEUDONYMISER,
    )
    offline = {(row[0], row[2]): np.array(row[7:], "<f4").tobytes() for row in table.iter_rows()}
    scores = pl.read_parquet(directory / "scores" / "all.parquet")
    online = {
        (row["source"]["topic"], row["source"]["offset"]): base64.b64decode(row["vector"])
        for row in scores.iter_rows(named=True)
        if row["kind"] != "outcome"
    }
    assert len(online) > 1000
    unequal = [event for event in online if online[event] != offline[event]]
    assert unequal == []


def _columns(directory: Path) -> EventColumns:
    parts = [
        make(pl.read_parquet(directory / topic / "all.parquet"), PSEUDONYMISER)
        for topic, make in COLUMNS_OF.items()
    ]
    return concat(parts)


def altered(directory: Path, target: Path, change, topic: str = "scores") -> Path:
    """A copy of an export with one topic changed."""
    for name in (*SOURCES, "scores"):
        frame = pl.read_parquet(directory / name / "all.parquet")
        (target / name).mkdir(parents=True)
        (change(frame) if name == topic else frame).write_parquet(target / name / "all.parquet")
    return target
