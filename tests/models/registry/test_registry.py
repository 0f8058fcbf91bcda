"""Pointers move atomically and remember; artifacts are verified on the way in and out."""

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest

from forewarn.errors import ArtifactError, ConfigurationError, DependencyUnavailableError
from models.registry import Registry
from models.registry.artifact_cache import private_directory
from models.registry.registry import Pointer
from models.registry.registry_storage import FolderStorage, ObjectStorage, Storage
from models.training.train_artifact import Trained
from tests.servers import needed


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.system)])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    """The same promises on a disk and on an S3 server."""
    if request.param == "folder":
        yield FolderStorage(tmp_path / "registry")
        return
    moto = needed("moto.server")
    boto3 = needed("boto3")
    bucket = f"models-{uuid4().hex[:8]}"  # the server's memory outlives one test
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        access = {"endpoint_url": f"http://{host}:{port}", "region_name": "us-east-1"}
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        boto3.client("s3", **access, **keys).create_bucket(Bucket=bucket)
        yield ObjectStorage(
            f"s3://{bucket}/prefix",
            {"key": "test", "secret": "test", "client_kwargs": access},
        )
    finally:
        server.stop()


@pytest.fixture
def registry(storage: Storage, tmp_path: Path) -> Registry:
    return Registry(storage, tmp_path / "cache")


def test_an_artifact_goes_in_and_comes_out_verified(registry: Registry, trained: Trained) -> None:
    assert registry.versions() == []
    assert registry.current("champion") is None
    version = registry.add(trained.path)
    assert registry.versions() == [version]
    registry.point("champion", version, by="me", reason="first", now_ms=1)
    folder = registry.current("champion")
    assert folder is not None
    assert (folder / "booster.txt").read_bytes() == (trained.path / "booster.txt").read_bytes()
    assert registry.artifact(version).version == version
    assert registry.current("champion") == folder  # from the cache


def test_a_rollback_restores_the_earlier_model_and_the_history_records_it(
    registry: Registry, trained: Trained
) -> None:
    version = registry.add(trained.path)
    with pytest.raises(ConfigurationError, match="no earlier version"):
        registry.rollback("champion", by="me", reason="?", now_ms=0)
    registry.point("champion", version, by="me", reason="first", now_ms=1)
    registry.point("champion", "", by="me", reason="off", now_ms=2)
    assert registry.current("champion") is None
    back = registry.rollback("champion", by="you", reason="back on", now_ms=3)
    assert back.version == version
    assert [(m.version, m.by, m.changed_ms) for m in back.moves] == [
        (version, "me", 1), ("", "me", 2), (version, "you", 3),
    ]  # fmt: skip
    assert registry.current_version("challenger") == ""


def test_what_is_not_there_is_refused(registry: Registry, tmp_path: Path) -> None:
    for version in ("20260101T000000Z-0123abcd", "v1"):
        for action in (registry.manifest, registry.fetch, registry.artifact):
            with pytest.raises(ArtifactError, match=f"no model {version}"):
                action(version)
        with pytest.raises(ArtifactError):
            registry.point("champion", version, by="me", reason="", now_ms=1)
    with pytest.raises(ArtifactError, match="no model artifact"):
        registry.add(tmp_path)


def test_a_damaged_copy_is_never_promoted(
    registry: Registry, storage: Storage, trained: Trained
) -> None:
    version = registry.add(trained.path)
    storage.write(f"artifacts/{version}/booster.txt", b"tree\n")
    with pytest.raises(ArtifactError, match=r"booster\.txt"):
        registry.point("champion", version, by="me", reason="", now_ms=1)
    assert registry.current_version("champion") == ""


def test_no_version_leads_out_of_the_registry(
    registry: Registry, storage: Storage, trained: Trained, tmp_path: Path
) -> None:
    """The right to write a pointer must not include the choice of the folder of a worker that is read, or removed."""
    shutil.copytree(trained.path, tmp_path / "elsewhere")
    elsewhere = "../../elsewhere"
    for action in (registry.manifest, registry.fetch, registry.artifact):
        with pytest.raises(ArtifactError, match="no model"):
            action(elsewhere)
    with pytest.raises(ArtifactError, match="no model"):
        registry.file(elsewhere, "booster.txt")
    pointer = Pointer(version=elsewhere, moves=())
    storage.write("aliases/champion.json", msgspec.json.encode(pointer))
    with pytest.raises(ArtifactError, match="is no version"):
        registry.current("champion")
    assert (tmp_path / "elsewhere" / "booster.txt").is_file()


def test_an_artifact_under_another_name_is_refused(
    registry: Registry, storage: Storage, trained: Trained
) -> None:
    """An old model under a new name would pass for a new one."""
    other = "20990101T000000Z-0123abcd"
    for file in trained.path.iterdir():
        storage.write(f"artifacts/{other}/{file.name}", file.read_bytes())
    with pytest.raises(ArtifactError, match="says that it is"):
        registry.point("champion", other, by="me", reason="", now_ms=1)


def test_the_cache_is_this_users_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = tmp_path / "deep" / "cache"
    private_directory(mine)
    assert mine.stat().st_mode & 0o777 == 0o700
    mine.chmod(0o777)
    private_directory(mine)
    assert mine.stat().st_mode & 0o777 == 0o700
    link = tmp_path / "link"
    link.symlink_to(mine)
    with pytest.raises(ConfigurationError, match="cache of models"):
        private_directory(link)
    monkeypatch.setattr("os.geteuid", lambda: 12345)
    with pytest.raises(ConfigurationError, match="cache of models"):
        private_directory(mine)


def test_a_damaged_pointer_is_named(registry: Registry, storage: Storage) -> None:
    storage.write("aliases/champion.json", b"{")
    with pytest.raises(ArtifactError, match=r"aliases/champion\.json"):
        registry.current("champion")


def test_a_reader_never_sees_half_a_pointer(tmp_path: Path) -> None:
    """Writes are renames: a reader meanwhile has the old file or the new one."""
    storage = FolderStorage(tmp_path)
    bodies = [bytes([65 + i]) * 200_000 for i in range(4)]
    storage.write("a/x", bodies[0])
    done = threading.Event()
    seen: set[bytes] = set()

    def read() -> None:
        while not done.is_set():
            seen.add(storage.read("a/x") or b"")

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(60):
        storage.write("a/x", bodies[number % 4])
    done.set()
    reader.join()
    assert seen <= set(bodies)
    assert storage.files("a") == ["x"]


def test_a_store_that_does_not_answer_is_retryable() -> None:
    storage = ObjectStorage(
        "s3://models",
        {"key": "k", "secret": "s", "client_kwargs": {"endpoint_url": "http://127.0.0.1:9"},
         "config_kwargs": {"connect_timeout": 0.2, "retries": {"max_attempts": 0}}},
    )  # fmt: skip
    with pytest.raises(DependencyUnavailableError):
        storage.read("x")
