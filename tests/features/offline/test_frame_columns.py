"""Frames become the very columns that the worker makes of the same records."""

from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest

from features import event_columns
from features.event_columns import EventColumns
from features.offline.frame_columns import COLUMNS_OF, in_order, pseudonyms
from features.offline.parquet_schema import SOURCE_OF, STRUCTS
from features.offline.parquet_tables import read_topic
from features.offline.topic_frames import DECODERS, StoredRecord, frame_of
from forewarn.contracts import CallStarted, encode
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.simulator import Scenario, simulate, write_town
from tests.simulation.little_town import facts, topic_of

NOON_MS = 1_772_424_000_000


def assert_equal(ours: EventColumns, theirs: EventColumns) -> None:
    for (name, left), (_, right) in zip(ours.arrays(), theirs.arrays(), strict=True):
        assert left.dtype == right.dtype, name
        np.testing.assert_array_equal(left, right, err_msg=name)


@pytest.mark.parametrize("topic", ["calls", "transfers", "outcomes"])
def test_a_frame_gives_the_columns_that_the_worker_makes(
    topic: str, pseudonymiser: Pseudonymiser
) -> None:
    events = [event for event in facts(seed=1, count=3000) if topic_of(event) == topic]
    assert len(events) > 100
    offsets = range(500, 500 + len(events))
    online = event_columns.from_events(
        events, pseudonymiser, source=SOURCE_OF[topic], partition=3, offsets=offsets
    )
    raws = [StoredRecord(3, o, 7, encode(e)) for o, e in zip(offsets, events, strict=True)]
    offline = COLUMNS_OF[topic](frame_of(topic, raws), pseudonymiser)
    assert len(offline) >= len(events)
    assert_equal(offline, online)


def test_each_withheld_caller_is_a_stranger_of_one_call(pseudonymiser: Pseudonymiser) -> None:
    """Not one busy number for all, and no acquaintance after the second call."""
    events = [
        CallStarted(
            event_id=f"{call}{number}", event_time_ms=NOON_MS, subscriber="+8613800000001", call_id=call,
            direction="inbound", caller=None, callee="+8613800000001",
        )
        for number, call in enumerate(["c1", "c1", "c2"])
    ]  # fmt: skip
    online = event_columns.from_events(
        events, pseudonymiser, source=SOURCE_OF["calls"], partition=3, offsets=range(3)
    )
    first, again, other = online.counterparty
    assert first == again != other
    raws = [StoredRecord(3, offset, 7, encode(event)) for offset, event in enumerate(events)]
    offline = COLUMNS_OF["calls"](frame_of("calls", raws), pseudonymiser)
    np.testing.assert_array_equal(offline.counterparty, online.counterparty)
    np.testing.assert_array_equal(offline.flags, online.flags)


@pytest.mark.parametrize("topic", ["calls", "transfers", "outcomes"])
def test_no_rows_give_no_columns(topic: str, pseudonymiser: Pseudonymiser) -> None:
    assert len(COLUMNS_OF[topic](frame_of(topic, []), pseudonymiser)) == 0


def test_missing_identifiers_have_no_pseudonym(pseudonymiser: Pseudonymiser) -> None:
    found = pseudonyms(pl.Series(["a", None, "", "a", "b"]), pseudonymiser.device)
    assert found[1] == found[2] == 0
    assert found[0] == found[3] == pseudonymiser.device("a") != found[4]


def test_partitions_keep_their_own_order_when_topics_are_merged() -> None:
    def run(source: int, partition: int, times: list[int]) -> EventColumns:
        n = len(times)
        return event_columns.from_arrays(
            time_ms=times,
            source=np.full(n, source),
            partition=np.full(n, partition),
            offset=np.arange(n),
        )

    calls = event_columns.concat([run(0, 1, [10, 50]), run(0, 0, [20, 5, 40])])
    shuffled = calls.take(np.array([4, 0, 2, 1, 3]))
    merged = in_order([shuffled, run(1, 0, [30])])
    where = list(zip(merged.source, merged.partition, merged.time_ms, strict=True))
    # The event of time 5 is late in its partition: it does not overtake what came before it.
    assert where == [(0, 1, 10), (0, 0, 20), (0, 0, 5), (1, 0, 30), (0, 0, 40), (0, 1, 50)]


def test_a_simulated_town_needs_no_conversion(tmp_path: Path, pseudonymiser: Pseudonymiser) -> None:
    write_town(simulate(Scenario(subscribers=60, days=2)), tmp_path / "town", partitions=3)
    for topic in ("calls", "transfers"):
        frame = read_topic(tmp_path / "town", topic).collect()
        assert frame.height > 0
        made = COLUMNS_OF[topic](frame, pseudonymiser)
        assert len(made) == frame.height
        assert (made.subscriber != 0).all()
        assert (made.kind != 0).all()
        for row in frame.head(200).iter_rows(named=True):
            decode_row(topic, row)


def decode_row(topic: str, row: dict[str, object]) -> None:
    """A row of the canonical layout is a valid event of the contract."""
    names = {field.name for struct in STRUCTS[topic] for field in msgspec.structs.fields(struct)}
    fields = {name: value for name, value in row.items() if name in names and value is not None}
    DECODERS[topic](msgspec.json.encode(fields | {"type": row["type"]}))
