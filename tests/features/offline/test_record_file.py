"""A file of records keeps every version, whatever its length, and never takes one key for another."""

import random
from pathlib import Path

import pytest

from features.offline import record_file
from features.offline.record_file import KeyCollisionError, RecordFile
from features.store.state_store import Write


def test_it_returns_the_last_version_of_each_record(tmp_path: Path) -> None:
    """Records grow and shrink over the room of their slots, and slots are used again."""
    rng = random.Random(4)
    store, expected = RecordFile(tmp_path / "records"), dict[bytes, Write]()
    keys = [f"fw:s:{number:016x}".encode() for number in range(400)]
    for _ in range(30):
        some = rng.sample(keys[: rng.randint(1, 400)], 1)
        some += rng.sample(keys, 40)
        writes = [Write(key, 3, rng.randbytes(rng.choice((1, 90, 300, 5_000))), 7) for key in some]
        store.store(writes)
        expected |= {write.key: write for write in writes}
        asked = rng.sample(keys, 200)
        assert store.load(asked) == [
            expected[key].value if key in expected else None for key in asked
        ]
    assert store.count == len(expected)
    assert {(write.key, write.value, write.expire_ms) for write in store.writes()} == {
        (write.key, write.value, write.expire_ms) for write in expected.values()
    }
    store.close()
    assert not list(tmp_path.iterdir())


def test_the_file_does_not_grow_with_versions(tmp_path: Path) -> None:
    store = RecordFile(tmp_path / "records")
    keys = [b"%d" % number for number in range(50)]
    sizes = []
    for turn in range(20):
        store.store([Write(key, 0, bytes(100 + 150 * (turn % 3)), 1) for key in keys])
        sizes.append((tmp_path / "records").stat().st_size)
    assert sizes[-1] == sizes[3] <= 50 * (128 + 384 + 512)
    store.close()


def test_two_keys_with_one_hash_are_an_error_and_overwrite_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_file, "hash", len, raising=False)
    store = RecordFile(tmp_path / "records")
    store.store([Write(b"aa", 0, b"first", 1)])
    with pytest.raises(KeyCollisionError, match="one hash"):
        store.load([b"bb"])
    with pytest.raises(KeyCollisionError, match="one hash"):
        store.store([Write(b"bb", 0, b"second", 1)])
    with pytest.raises(KeyCollisionError, match="one hash"):
        store.store([Write(b"ccc", 0, b"x", 1), Write(b"ddd", 0, b"y", 1)])
    assert store.load([b"aa"]) == [b"first"]
    store.close()
