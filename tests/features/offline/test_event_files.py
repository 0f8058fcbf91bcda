"""A history in an object store is read as one under a path is, and what is wrong with it is said."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from features.cluster.source_files import read_hash
from features.offline.backfill import backfill
from features.offline.event_files import parquet_files, place_of
from forewarn.errors import ConfigurationError
from forewarn.platform.pseudonyms import Pseudonymiser
from tests.features.cluster.object_store import empty_bucket, upload
from tests.features.little_export import write_export

URL = "s3://history/january"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("source")
    write_export(directory, 400)
    return directory


@pytest.fixture(scope="module")
def stored(source: Path) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as environment, empty_bucket("history", environment):
        upload(source, URL)
        yield URL


def test_the_features_are_those_of_the_same_files_under_a_path(
    source: Path, stored: str, pseudonymiser: Pseudonymiser, tmp_path: Path
) -> None:
    for name, place in (("here", source), ("there", place_of(stored + "/"))):
        backfill(place, tmp_path / name, pseudonymiser, window_events=100)
    here, there = (
        {path.name: path.read_bytes() for path in (tmp_path / name).glob("*.parquet")}
        for name in ("here", "there")
    )
    assert len(here) > 2
    assert there == here


def test_a_file_that_was_replaced_in_the_store_is_noticed(source: Path, stored: str) -> None:
    upload(source / "calls", f"{stored}-again/calls")
    file = parquet_files(f"{stored}-again", "calls")[0]
    found = read_hash(file)
    assert found.hash == read_hash(parquet_files(source, "calls")[0]).hash
    found.require_unchanged()
    other = next((source / "transfers").glob("*.parquet"))
    (other.parent / "one").mkdir(exist_ok=True)
    name = str(file).rpartition("/")[2]
    replaced = other.parent / "one" / name
    replaced.write_bytes(other.read_bytes())
    upload(replaced.parent, f"{stored}-again/calls")
    replaced.unlink()
    replaced.parent.rmdir()
    with pytest.raises(ConfigurationError, match="has changed"):
        found.require_unchanged()


def test_what_is_not_there_is_named(stored: str) -> None:
    with pytest.raises(ConfigurationError, match="There is no directory s3://history/february"):
        parquet_files("s3://history/february", "calls")
    assert parquet_files(stored, "scores") == []
    with pytest.raises(ConfigurationError, match="s3://no-such-bucket/x"):
        parquet_files("s3://no-such-bucket/x", "calls")
    with pytest.raises(ConfigurationError, match="cannot be reached"):
        parquet_files("nothing-speaks://this/place", "calls")


def test_a_path_is_absolute_and_an_address_stays_as_it_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert place_of("town") == tmp_path / "town"
    assert place_of("s3://bucket//a/") == "s3://bucket//a"
