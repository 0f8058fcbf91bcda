"""An object store that speaks S3 on this machine, and a cluster that works on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.features.cluster.dask_processes import DaskProcesses
from tests.servers import needed


@contextmanager
def cluster_with_bucket(
    bucket: str, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[DaskProcesses]:
    """A cluster of one worker, for which an empty bucket is there by the usual environment variables.

    Args:
        bucket: name.
        directory: for logs and scratch files of the cluster.
        monkeypatch: sets the variables, which the workers inherit.
    """
    moto, boto3 = needed("moto.server"), needed("boto3")
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
        boto3.client("s3").create_bucket(Bucket=bucket)
        directory.mkdir(exist_ok=True)
        processes = DaskProcesses(directory)
        try:
            processes.worker("--no-nanny")
            yield processes
        finally:
            processes.stop()
    finally:
        server.stop()
