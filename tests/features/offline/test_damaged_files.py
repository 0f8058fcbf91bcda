"""A file of a history that is truncated or damaged is named, wherever it stands, and nothing looks finished."""

from collections.abc import Callable
from pathlib import Path

import pytest

from features.offline.backfill import SUMMARY_NAME, backfill
from features.offline.parquet_tables import read_topic
from forewarn.errors import ConfigurationError
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.simulator import Scenario, simulate, write_town
from models.training.history_dataset import read_history
from tests.features.little_export import write_export


def without_end(content: bytes) -> bytes:
    return content[:-200]


def nothing(_content: bytes) -> bytes:
    return b""


def no_parquet(_content: bytes) -> bytes:
    return b"call_id,caller\n" * 100


def zeros_in_the_middle(content: bytes) -> bytes:
    return content[:50] + bytes(len(content) // 2) + content[50 + len(content) // 2 :]


@pytest.mark.parametrize("damage", [without_end, nothing, no_parquet, zeros_in_the_middle])
@pytest.mark.parametrize("choose", [min, max])
def test_a_backfill_names_the_damaged_file_and_leaves_nothing_that_looks_finished(
    tmp_path: Path,
    pseudonymiser: Pseudonymiser,
    damage: Callable[[bytes], bytes],
    choose: Callable[..., Path],
) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    source.mkdir()
    write_export(source, 600)
    victim = choose((source / "calls").iterdir())
    victim.write_bytes(damage(victim.read_bytes()))
    with pytest.raises(ConfigurationError, match=f"{victim.name} is no whole Parquet file"):
        backfill(source, out, pseudonymiser)
    assert not (out / SUMMARY_NAME).exists()


@pytest.mark.parametrize("damage", [without_end, nothing, no_parquet])
@pytest.mark.parametrize("choose", [min, max])
def test_each_file_of_a_topic_is_looked_at_before_rows_are_read(
    tmp_path: Path, damage: Callable[[bytes], bytes], choose: Callable[..., Path]
) -> None:
    write_export(tmp_path, 600)
    victim = choose((tmp_path / "calls").iterdir())
    victim.write_bytes(damage(victim.read_bytes()))
    with pytest.raises(ConfigurationError, match=f"{victim.name} is no whole Parquet file"):
        read_topic(tmp_path, "calls")


@pytest.mark.parametrize("name", ["people.parquet", "reports.parquet"])
def test_a_truncated_table_beside_the_events_is_named(tmp_path: Path, name: str) -> None:
    write_town(simulate(Scenario(subscribers=50, days=1)), tmp_path / "town")
    victim = tmp_path / "town" / name
    victim.write_bytes(victim.read_bytes()[:-20])
    with pytest.raises(ConfigurationError, match=name):
        read_history(tmp_path / "town")
