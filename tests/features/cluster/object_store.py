"""An object store that speaks S3 on this machine, and a cluster that works on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.features.cluster.dask_processes import DaskProcesses
from tests.servers import needed


@contextmanager
def empty_bucket(bucket: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty bucket, which the usual environment variables lead to.

    Args:
        bucket: name.
        monkeypatch: sets the variables, which child processes inherit.
    """
    moto, boto3, s3fs = needed("moto.server"), needed("boto3"), needed("s3fs")
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://{host}:{port}")
        # It keeps a connection by its arguments alone: that of an earlier test, whose server is gone.
        s3fs.S3FileSystem.clear_instance_cache()
        boto3.client("s3").create_bucket(Bucket=bucket)
        yield
    finally:
        server.stop()


@contextmanager
def cluster_with_bucket(
    bucket: str, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[DaskProcesses]:
    """A cluster of one worker, for which an empty bucket is there.

    Args:
        bucket: name.
        directory: for logs and scratch files of the cluster.
        monkeypatch: sets the variables that lead to the bucket.
    """
    with empty_bucket(bucket, monkeypatch):
        directory.mkdir(exist_ok=True)
        processes = DaskProcesses(directory)
        try:
            processes.worker("--no-nanny")
            yield processes
        finally:
            processes.stop()


def upload(directory: Path, url: str) -> None:
    """Put every file of a directory under a URL."""
    fsspec = needed("fsspec")
    needed("s3fs")
    files = fsspec.filesystem("s3", skip_instance_cache=True)
    for path in directory.rglob("*"):
        if path.is_file():
            files.put_file(str(path), f"{url}/{path.relative_to(directory)}")
