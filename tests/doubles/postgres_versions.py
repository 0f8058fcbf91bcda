"""PostgreSQL of the versions that the system does not have, from Maven Central, with locked checksums.

``FOREWARN_TEST_POSTGRES=17`` lets every test that needs PostgreSQL run on that version; without it the system's
server is taken and nothing is downloaded. ``make postgres`` runs all of them.
"""

import atexit
import os
import platform
import shutil
import tarfile
import tempfile
import zipfile
from functools import cache
from pathlib import Path

from forewarn.errors import ConfigurationError
from forewarn.local.kafka_jars import kafka_jars

LOCKS = {path.stem: path for path in sorted((Path(__file__).parent / "postgres_locks").iterdir())}


def wanted_version() -> str | None:
    """The major version that the tests shall use; None for the system's."""
    return os.environ.get("FOREWARN_TEST_POSTGRES") or None


@cache
def downloaded_binaries(version: str) -> Path:
    """The directory of ``initdb`` and ``postgres`` of a version, for as long as this process lives.

    It lies where the user ``postgres`` may read it, who runs the server for root.

    Raises:
        ConfigurationError: if the version is not locked, or there is none for this machine.
        DependencyUnavailableError: if Maven Central cannot be reached and the cache is empty.
    """
    if version not in LOCKS or platform.machine() != "x86_64":
        raise ConfigurationError(
            f"there is no PostgreSQL {version} for {platform.machine()} to download.",
            hint=f"Set FOREWARN_TEST_POSTGRES to one of {', '.join(LOCKS)} on x86_64.",
        )
    [jar] = kafka_jars(LOCKS[version], f"postgresql-{version}").glob("*.jar")
    home = Path(tempfile.mkdtemp(prefix=f"forewarn-postgresql-{version}-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    home.chmod(0o755)
    with zipfile.ZipFile(jar) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".txz")]
        with archive.open(name) as packed, tarfile.open(fileobj=packed, mode="r|xz") as files:
            files.extractall(home, filter="tar")
    return home / "bin"
