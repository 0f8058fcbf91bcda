"""What every town keeps to, whatever is drawn: the contracts, the period, the seed, plain physics."""

import hashlib
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from features.offline.parquet_schema import schema_of
from forewarn.contracts import CallEnded, CallStarted, decode_call, decode_outcome, decode_transfer
from forewarn.simulator import DeliveryFaults, Scenario, Town, iter_events, simulate, write_town

DECODE = {"calls": decode_call, "transfers": decode_transfer, "outcomes": decode_outcome}
SMALL = {"subscribers": 200, "days": 5, "prevalence": 0.02}


def digests(directory: Path) -> dict[str, str]:
    return {
        str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def test_an_equal_seed_gives_equal_bytes_and_another_seed_does_not(tmp_path: Path) -> None:
    for name, seed in (("one", 3), ("again", 3), ("other", 4)):
        write_town(simulate(Scenario(seed=seed, **SMALL)), tmp_path / name)
    one, again, other = (digests(tmp_path / name) for name in ("one", "again", "other"))
    assert one == again
    assert len(one) == 8
    assert all(one[name] != other[name] for name in one)


def test_every_record_obeys_its_contract_and_comes_in_order_of_arrival() -> None:
    disturbed = DeliveryFaults(duplicates=0.02, late=0.02, jitter_seconds=3, lost_call_ends=0.02)
    town = simulate(Scenario(seed=5, delivery_faults=disturbed, **SMALL))
    kinds, count = set(), 0
    for topic, key, value, time_ms in iter_events(town, outcomes=True):
        event = DECODE[topic](value)
        assert event.subscriber == key.decode()
        assert event.event_time_ms == time_ms
        assert town.scenario.start_ms <= time_ms < town.scenario.end_ms
        if isinstance(event, CallStarted | CallEnded):
            own = event.callee if event.direction == "inbound" else event.caller
            assert own == event.subscriber
            assert event.caller != event.callee
        if isinstance(event, CallEnded):
            assert event.started_at_ms + event.duration_ms == event.event_time_ms
        kinds.add(type(event).__name__)
        count += 1
    assert kinds == {"CallStarted", "CallEnded", "LineChanged", "Transfer", "Outcome"}
    assert count == town.event_count + town.reports.height
    for rows in (town.call_rows, town.transfer_rows):
        assert (np.diff(rows.arrival_ms) >= 0).all()
        assert (rows.arrival_ms >= rows.time_ms).all()


def test_the_files_have_the_columns_of_an_export(town: Town, tmp_path: Path) -> None:
    write_town(town, tmp_path / "town", partitions=3)
    for topic, rows in (("calls", town.call_rows), ("transfers", town.transfer_rows)):
        frame = pl.read_parquet(tmp_path / "town" / topic)
        assert frame.schema == pl.DataFrame(schema_of(topic).empty_table()).schema
        assert frame.height == len(rows)
        by_partition = frame.group_by("partition", maintain_order=True).agg("offset")
        assert by_partition.height == 3
        for offsets in by_partition["offset"]:
            assert offsets.to_list() == list(range(len(offsets)))
        assert (
            frame.group_by("subscriber").agg(pl.col("partition").n_unique())["partition"].max() == 1
        )
    assert pl.read_parquet(tmp_path / "town" / "outcomes").height == town.reports.height


def test_event_ids_name_one_fact_each(town: Town) -> None:
    for frame in (town.calls, town.transfers):
        assert frame["event_id"].n_unique() == frame.height
    together = pl.concat([town.calls["event_id"], town.transfers["event_id"]])
    assert town.labels["event_id"].is_in(together.implode()).all()
    assert town.labels["event_id"].n_unique() == town.labels.height


def test_no_person_is_in_two_honest_calls_at_once(town: Town) -> None:
    fraud = town.labels.filter("is_fraud")["event_id"]
    talks = (
        town.calls.filter((pl.col("type") == "call_ended") & pl.col("answered"))
        .with_columns(fraud=pl.col("event_id").is_in(fraud.implode()))
        .sort("subscriber", "started_at_ms")
        .with_columns(
            next_start=pl.col("started_at_ms").shift(-1).over("subscriber"),
            next_fraud=pl.col("fraud").shift(-1).over("subscriber"),
        )
    )
    overlaps = talks.filter(
        (pl.col("next_start") < pl.col("event_time_ms")) & ~(pl.col("fraud") & pl.col("next_fraud"))
    )
    assert talks.height > 10_000
    assert overlaps.height == 0


@pytest.mark.parametrize("prevalence", [0.002, 0.02])
def test_prevalence_is_what_was_asked_for(prevalence: float) -> None:
    town = simulate(Scenario(seed=11, subscribers=3_000, days=14, prevalence=prevalence))
    share = town.labels["is_fraud"].sum() / town.event_count
    assert share == pytest.approx(prevalence, rel=0.35)


def test_without_fraud_there_is_none_and_the_tables_keep_their_columns(town: Town) -> None:
    honest = simulate(Scenario(seed=1, subscribers=100, days=3, prevalence=0.0))
    assert honest.truth.height == 0
    assert honest.reports.height == 0
    assert not honest.labels["is_fraud"].any()
    assert honest.labels.schema == town.labels.schema
    assert honest.reports.schema == town.reports.schema
    assert honest.event_count > 1_000


@pytest.mark.parametrize(
    "choice",
    [
        {"subscribers": 50, "days": 1, "prevalence": 0.2},
        {"subscribers": 50, "days": 1, "prevalence": 0.0},
        {"subscribers": 100, "days": 3, "districts": ("X",), "prevalence": 0.05},
        {"subscribers": 100, "days": 3, "intervention_share": 1.0, "prevalence": 0.1},
    ],
)
def test_the_smallest_towns_work(choice: dict, tmp_path: Path) -> None:
    for seed in range(3):
        write_town(simulate(Scenario(seed=seed, **choice)), tmp_path / str(seed))


def test_delivery_is_disturbed_by_the_shares_asked_for() -> None:
    calm = simulate(Scenario(seed=2, **SMALL))
    rough = simulate(
        Scenario(
            seed=2,
            delivery_faults=DeliveryFaults(
                duplicates=0.1, late=0.1, late_seconds=900, lost_call_ends=0.2
            ),
            **SMALL,
        )
    )
    ends = [((t.call_rows.kind == 1) & (t.call_rows.copy == 0)).sum() for t in (calm, rough)]
    assert ends[1] / ends[0] == pytest.approx(0.8, abs=0.02)
    copies = rough.transfers["event_id"].is_duplicated().sum() / 2
    assert copies / calm.transfers.height == pytest.approx(0.1, abs=0.02)
    waits = rough.transfer_rows.arrival_ms - rough.transfer_rows.time_ms
    late = waits[rough.transfer_rows.copy == 0] > 0
    assert late.mean() == pytest.approx(0.1, abs=0.02)
    # The facts themselves are the same ones: only their delivery differs.
    assert set(rough.transfers["event_id"]) == set(calm.transfers["event_id"])


def test_a_directory_that_is_not_empty_is_left_alone(town: Town, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(Exception, match="not empty"):
        write_town(town, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
