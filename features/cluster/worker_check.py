"""What is asked of the workers before any work: the same software, and a folder that all of them see."""

import platform
import uuid
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from distributed import Client

from features.cluster.cluster_run import code_digest
from features.cluster.shared_folder import SharedFolder
from forewarn.errors import ConfigurationError

PACKAGES: Final = (
    "forewarn", "distributed", "dask", "numba", "numpy", "polars", "pyarrow", "msgspec", "lightgbm",
)  # fmt: skip
"""What decides the bits of a result, or whether client and workers understand each other."""


def installation() -> dict[str, str]:
    """The versions of what runs in this process, and the digest of the features' code."""
    found = {"python": platform.python_version(), "code": code_digest()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "missing"
    return found


def require_same_software(client: Client) -> None:
    """Compare every worker, and what is comparable of the scheduler, with this process.

    Raises:
        ConfigurationError: names the first process that differs, and in what.
    """
    ours = installation()
    try:
        theirs = client.run(installation)
    except ImportError as error:
        raise ConfigurationError(
            f"A worker cannot import the code of this installation: {error}.",
            hint="Start the workers from the environment or the image of the client.",
        ) from error
    for address, found in sorted(theirs.items()):
        _require(f"The worker {address}", found, ours)
    scheduler: dict[str, Any] = client.get_versions(packages=[])["scheduler"]
    found = {"python": str(scheduler["host"]["python"]).partition(".final")[0]}
    found |= {name: str(scheduler["packages"].get(name)) for name in ("distributed", "dask")}
    _require("The scheduler", found, {name: ours[name] for name in found})


def require_common_folder(client: Client, folder: SharedFolder) -> None:
    """Check that every worker sees what this process writes to a folder.

    Raises:
        ConfigurationError: names the first worker that does not.
    """
    name, content = f".seen-{uuid.uuid4().hex}", uuid.uuid4().hex.encode()
    folder.write(name, content)
    try:
        seen = client.run(_reads, folder, name)
    finally:
        folder.remove(name)
    for address, found in sorted(seen.items()):
        if found != content:
            raise ConfigurationError(
                f"The worker {address} does not see {folder.url} as this process does.",
                hint="Mount the same volume under the same path everywhere, or give an s3:// address.",
            )


def _reads(folder: SharedFolder, name: str) -> bytes | None:
    return folder.read(name)


def _require(who: str, found: dict[str, str], ours: dict[str, str]) -> None:
    for name, version_here in ours.items():
        if found.get(name) != version_here:
            raise ConfigurationError(
                f"{who} has {name} {found.get(name)}, this process {version_here}.",
                hint="Start workers, scheduler and client from the same image or the same lock file.",
            )
