"""The Parquet files of a history: under a path, or in an object store.

Names are listed and content is hashed through fsspec; rows are read by polars, which asks an object store for the parts
of a file that it needs and no others.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path
from typing import Any, Final

from pyarrow import ArrowInvalid, parquet

from forewarn.errors import ConfigurationError

Place = Path | str
"""A path, or a URL of fsspec such as ``s3://bucket/prefix``."""

S3_VARIABLES: Final = {
    "aws_endpoint_url": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
    "aws_region": ("AWS_REGION", "AWS_DEFAULT_REGION"),
    "aws_access_key_id": ("AWS_ACCESS_KEY_ID",),
    "aws_secret_access_key": ("AWS_SECRET_ACCESS_KEY",),
    "aws_session_token": ("AWS_SESSION_TOKEN",),
}
"""Options of polars by the variables that the AWS tools and fsspec read; polars knows no endpoint of S3 alone."""


def place_of(text: str | Path) -> Place:
    """The place that a text names: a path is made absolute, since each process has its own working directory."""
    if "://" in str(text):
        return str(text).rstrip("/")
    return Path(text).absolute()


def parquet_files(directory: Place, topic: str) -> list[Place]:
    """The Parquet files of a topic, by name.

    Raises:
        ConfigurationError: if the directory is missing, or the store cannot be reached.
    """
    if isinstance(directory, Path):
        if not directory.is_dir():
            raise _missing(directory)
        return sorted((directory / topic).glob("**/*.parquet"))
    files = filesystem_of(directory)
    with _explained(directory):
        files.invalidate_cache()
        names = files.find(f"{directory}/{topic}")
        if not names and not files.find(directory, maxdepth=2):
            raise _missing(directory)
    return sorted(files.unstrip_protocol(name) for name in names if name.endswith(".parquet"))


def metadata(file: Place) -> parquet.FileMetaData:
    """The metadata at the end of a Parquet file.

    Raises:
        ConfigurationError: if it is no whole Parquet file, or the store cannot be reached.
    """
    try:
        if isinstance(file, Path):
            return parquet.read_metadata(file)
        with opened(file) as content:
            return parquet.read_metadata(content)
    except ArrowInvalid as error:
        raise damaged_file(file, error) from None


def damaged_file(file: Place, error: Exception) -> ConfigurationError:
    """The error of a file that is truncated or no Parquet file."""
    return ConfigurationError(
        f"{file} is no whole Parquet file: {error}.",
        hint="A truncated file has to be exported again.",
    )


@contextmanager
def opened(file: Place) -> Iterator[BufferedIOBase]:
    """A file opened for reading; raises ConfigurationError if the store cannot be reached."""
    if isinstance(file, Path):
        with file.open("rb") as content:
            yield content
        return
    with _explained(file), filesystem_of(file).open(file, "rb") as content:
        yield content


def version(file: Place) -> tuple[int, str]:
    """Size in bytes, and what changes when the file is written again: its time, or the store's own mark."""
    if isinstance(file, Path):
        found = file.stat()
        return found.st_size, str(found.st_mtime_ns)
    with _explained(file):
        files = filesystem_of(file)
        files.invalidate_cache()
        about = files.info(file)
    return int(about["size"]), str(about.get("ETag") or about.get("LastModified") or "")


def scan_options(file: Place) -> dict[str, Any]:
    """Arguments of ``polars.scan_parquet`` for files at a place."""
    if isinstance(file, Path) or not file.startswith("s3://"):
        return {}
    environment = dict(os.environ)
    options = {}
    for name, variables in S3_VARIABLES.items():
        value = next((environment[each] for each in variables if environment.get(each)), "")
        if value:
            options[name] = value
    if options.get("aws_endpoint_url", "").startswith("http://"):
        options["aws_allow_http"] = "true"
    given = {"storage_options": options}
    # Without keys in the environment polars looks for them as the AWS tools do.
    return given | ({"credential_provider": None} if "aws_access_key_id" in options else {})


def filesystem_of(place: str) -> Any:
    """The file system of fsspec that a path or URL lies in.

    Raises:
        ConfigurationError: if nothing that is installed reaches it.
    """
    scheme, separator, _ = place.partition("://")
    try:
        import fsspec  # noqa: PLC0415  of the extras that reach object stores

        return fsspec.filesystem(scheme if separator else "file")
    except (ImportError, ValueError) as error:
        raise ConfigurationError(
            f"{place} cannot be reached: {error}.",
            hint="Install the extra that brings it (`pip install forewarn[s3]` for S3), or give a mounted path.",
        ) from None


@contextmanager
def _explained(place: str) -> Iterator[None]:
    """Say which place could not be read; botocore's errors have no common class with those of files."""
    try:
        yield
    except ConfigurationError:
        raise
    except Exception as error:
        ours = isinstance(error, OSError) or type(error).__module__.startswith("botocore")
        if not ours:
            raise
        raise ConfigurationError(
            f"{place} cannot be read: {error}.",
            hint="Check the address, AWS_ENDPOINT_URL_S3 and the keys that this process has.",
        ) from error


def _missing(directory: Place) -> ConfigurationError:
    return ConfigurationError(
        f"There is no directory {directory}.",
        hint="Create it with `forewarn export` or `forewarn simulate`.",
    )
