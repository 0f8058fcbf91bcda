"""The jars of Apache Kafka, downloaded once from Maven Central by jgo and checked.

``kafka.lock.toml`` beside this file names every jar with its version and SHA-256, so that what
runs here is what was tested; ``mirror.lock.toml`` names those of MirrorMaker, which no stack needs.
``write_lock`` resolves the coordinates again and rewrites a lock.
``python -m forewarn.local.kafka_jars`` fills the cache.
"""

import fcntl
import hashlib
import shutil
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from forewarn.errors import ConfigurationError, DependencyUnavailableError
from forewarn.local.download_cache import cache_directory
from forewarn.platform.exit_status import run

KAFKA_VERSION = "4.3.1"
COORDINATES = (f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}", "org.slf4j:slf4j-simple:1.7.36")
"""The broker, and the smallest logger that writes to standard error."""

MIRROR_COORDINATES = (f"org.apache.kafka:connect-mirror:{KAFKA_VERSION}", COORDINATES[1])
"""MirrorMaker 2 with the runtime of Kafka Connect that it runs in."""

LOCK_FILE = Path(__file__).with_name("kafka.lock.toml")
MIRROR_LOCK_FILE = Path(__file__).with_name("mirror.lock.toml")


@dataclass(frozen=True, slots=True)
class Jar:
    """One locked jar."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def file_name(self) -> str:
        """Name of the file in the class path directory."""
        return f"{self.artifact}-{self.version}.jar"


def locked_jars(lock_file: Path = LOCK_FILE) -> list[Jar]:
    """Read the lock."""
    return [Jar(**entry) for entry in tomllib.loads(lock_file.read_text())["jar"]]


def kafka_jars(lock_file: Path = LOCK_FILE, version: str = KAFKA_VERSION) -> Path:
    """The directory that holds every locked jar, filled on first use.

    Args:
        lock_file: names the jars; tests have locks of other versions.
        version: of Kafka in that lock, for the directory's name.

    Raises:
        DependencyUnavailableError: if Maven Central cannot be reached and the cache is empty.
        ConfigurationError: if a downloaded jar is not the locked one.
    """
    home, directory = cache_directory(), _directory(lock_file, version)
    if directory.is_dir():
        return directory
    home.mkdir(parents=True, exist_ok=True)
    with (home / "kafka.download").open("w") as guard:  # two first runs at once download once
        fcntl.flock(guard, fcntl.LOCK_EX)
        if not directory.is_dir():
            for left_over in home.glob(".kafka-*"):  # of a download that was killed
                shutil.rmtree(left_over, ignore_errors=True)
            scratch = Path(mkdtemp(prefix=".kafka-", dir=home))
            try:
                _download(locked_jars(lock_file), scratch)
                shutil.rmtree(scratch / "maven")
                scratch.rename(directory)
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
    return directory


def mirror_jars() -> Path:
    """The directory of MirrorMaker's jars, filled on first use; raises as ``kafka_jars`` does."""
    return kafka_jars(MIRROR_LOCK_FILE, f"mirror-{KAFKA_VERSION}")


def jars_are_here() -> bool:
    """Whether ``kafka_jars`` would return at once."""
    return _directory(LOCK_FILE, KAFKA_VERSION).is_dir()


def _directory(lock_file: Path, version: str) -> Path:
    digest = hashlib.sha256(lock_file.read_bytes()).hexdigest()[:12]
    return cache_directory() / f"kafka-{version}-{digest}"


def _download(jars: list[Jar], directory: Path) -> None:
    try:
        from jgo.maven import MavenContext  # noqa: PLC0415  of the extra `local`
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            "jgo is not installed, so Kafka cannot be downloaded.",
            hint="Install the extra: pip install 'forewarn[local]'.",
        ) from error
    maven = MavenContext(repo_cache=directory / "maven", timeout=60)

    def fetch(jar: Jar) -> None:
        component = maven.project(jar.group, jar.artifact).at_version(jar.version)
        try:
            path = component.artifact().resolve()
        except (OSError, RuntimeError) as error:
            raise DependencyUnavailableError(
                f"{jar.file_name} could not be downloaded from Maven Central: {error}",
                hint="Check the network or its proxy, then try again.",
            ) from error
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != jar.sha256:
            raise ConfigurationError(
                f"{jar.file_name} has SHA-256 {found}, the lock says {jar.sha256}.",
                hint="Do not use it: something between here and Maven Central changes files.",
            )
        path.rename(directory / jar.file_name)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(fetch, jars))


def write_lock(lock_file: Path = LOCK_FILE, coordinates: tuple[str, ...] = COORDINATES) -> int:
    """Resolve coordinates again with jgo and write their lock; returns the number of jars."""
    from jgo import resolve  # noqa: PLC0415  of the extra `local`

    jars: dict[str, Jar] = {}
    for coordinate in coordinates:
        for artifact in resolve(coordinate):
            sha256 = hashlib.sha256(artifact.resolve().read_bytes()).hexdigest()
            jar = Jar(artifact.groupId, artifact.artifactId, artifact.version, sha256)
            jars.setdefault(jar.artifact, jar)
    lines = [f"# Written by forewarn.local.kafka_jars.write_lock for {', '.join(coordinates)}."]
    for jar in sorted(jars.values(), key=lambda jar: jar.file_name):
        lines += ["", "[[jar]]", f'group = "{jar.group}"', f'artifact = "{jar.artifact}"']
        lines += [f'version = "{jar.version}"', f'sha256 = "{jar.sha256}"']
    lock_file.write_text("\n".join(lines) + "\n")
    return len(jars)


if __name__ == "__main__":
    sys.exit(run(kafka_jars))
