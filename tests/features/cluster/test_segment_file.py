"""What tasks leave for each other is read as it was written, or named as damaged."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from features.cluster.output_claim import CLAIM_NAME, Claim, OutputClaim
from features.cluster.segment_file import (
    DamagedFileError,
    FileReceipt,
    SegmentReader,
    SegmentWriter,
    finished,
)
from features.cluster.shared_folder import SharedFolder
from forewarn.errors import ConfigurationError


@pytest.fixture
def folder(tmp_path: Path) -> SharedFolder:
    return SharedFolder.at(tmp_path)


def write(folder: SharedFolder, rows: int = 5) -> FileReceipt:
    with SegmentWriter(folder, "a/b.seg", "key") as writer:
        writer.add("one", {"x": np.arange(rows), "m": np.ones((rows, 3), np.float32)})
        writer.add("none", {"x": np.arange(0), "m": np.ones((0, 3), np.float32)})
        writer.note(rows=rows)
    return writer.receipt


def test_arrays_come_back_with_their_types_and_shapes(folder: SharedFolder) -> None:
    reader = SegmentReader(folder, write(folder))
    one, none = reader.arrays("one"), reader.arrays("none")
    np.testing.assert_array_equal(one["x"], np.arange(5))
    assert (one["m"].shape, one["m"].dtype) == ((5, 3), np.float32)
    assert (none["x"].shape, none["m"].shape) == ((0,), (0, 3))


def test_the_same_content_has_the_same_hash_and_other_content_another(folder: SharedFolder) -> None:
    first, again, other = write(folder), write(folder), write(folder, rows=6)
    assert first == again
    assert first.hash != other.hash


def test_a_file_is_finished_for_its_own_key_only(folder: SharedFolder) -> None:
    receipt = write(folder)
    assert finished(folder, "a/b.seg", "key") == receipt
    assert finished(folder, "a/b.seg", "another") is None
    assert finished(folder, "a/c.seg", "key") is None


@pytest.mark.parametrize("lost", [1, 20, 200])
def test_a_truncated_file_is_neither_finished_nor_read(folder: SharedFolder, lost: int) -> None:
    receipt = write(folder)
    path = Path(folder.at_name("a/b.seg"))
    path.write_bytes(path.read_bytes()[:-lost])
    assert finished(folder, "a/b.seg", "key") is None
    with pytest.raises(DamagedFileError, match="truncated"):
        SegmentReader(folder, receipt)


def test_a_changed_byte_in_a_segment_is_found_when_it_is_read(folder: SharedFolder) -> None:
    receipt = write(folder)
    path = Path(folder.at_name("a/b.seg"))
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedFileError):
        SegmentReader(folder, receipt).arrays("one")


def test_a_task_that_fails_leaves_no_file(folder: SharedFolder, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="length"), SegmentWriter(folder, "b.seg", "k") as writer:
        writer.add("one", {"x": np.arange(3), "y": np.arange(4)})
    assert list(tmp_path.iterdir()) == []


def test_a_folder_has_one_holder_at_a_time(folder: SharedFolder) -> None:
    with OutputClaim(folder), pytest.raises(ConfigurationError, match="is being written"):
        OutputClaim(folder).__enter__()
    assert folder.names() == []


def test_the_claim_of_a_process_that_has_ended_is_taken_over(
    folder: SharedFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("features.cluster.output_claim.SETTLE_SECONDS", 0.0)
    folder.create(CLAIM_NAME, msgspec.json.encode(Claim("process 1 on old", "t", renewed_ms=0)))
    with OutputClaim(folder) as claim:
        claim.require()
    assert folder.names() == []
