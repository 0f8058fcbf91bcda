"""Artifacts by version, and the aliases ``champion`` and ``challenger`` that workers follow.

    artifacts/<version>/...      written once, never changed
    aliases/<alias>.json         one pointer, replaced atomically, with its own history

A worker asks ``current`` every few seconds, which reads one small file, and loads a model only
when the version has changed. Promotion and rollback move a pointer and nothing else.
"""

import shutil
import tempfile
from pathlib import Path
from typing import Literal, get_args

import msgspec

from forewarn.errors import ArtifactError, ConfigurationError
from forewarn.platform.settings import ModelsSettings
from models.registry.artifact_cache import private_directory
from models.registry.registry_storage import Storage, open_storage
from models.serving.artifact import (
    SIGNATURE,
    SUMS,
    VERSION,
    Artifact,
    ArtifactManifest,
    read_artifact,
)
from models.serving.scorer import Scorer

Alias = Literal["champion", "challenger"]
ALIASES: tuple[Alias, ...] = get_args(Alias)

HISTORY = 50
"""How many earlier versions a pointer remembers."""


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """One change of a pointer; an empty version means that the alias points to nothing."""

    version: str
    changed_ms: int
    by: str
    reason: str


class Pointer(msgspec.Struct, frozen=True, kw_only=True):
    """Where an alias points, and where it pointed before (newest last)."""

    version: str
    moves: tuple[Move, ...]


class Registry:
    """Models in a storage.

    Args:
        storage: where.
        cache_dir: where artifacts of a remote storage are copied to.
        signing_key: if given, every artifact must be signed with it.
    """

    def __init__(self, storage: Storage, cache_dir: Path, *, signing_key: bytes = b"") -> None:
        self._storage, self._cache, self._key = storage, cache_dir, signing_key

    def current(self, alias: str) -> Path | None:
        """The folder of the artifact that an alias points to, or None.

        Reads one small file, and copies the artifact only when a remote registry names a new one.

        Raises:
            ArtifactError: if the pointer is damaged or the version is missing.
            DependencyUnavailableError: if a remote storage does not answer.
        """
        version = self.current_version(alias)
        return self.fetch(version) if version else None

    def current_version(self, alias: str) -> str:
        """The version an alias points to; empty for none."""
        pointer = self.pointer(alias)
        return pointer.version if pointer else ""

    def pointer(self, alias: str) -> Pointer | None:
        """The alias with its history, or None if it was never set."""
        data = self._storage.read(f"aliases/{alias}.json")
        if data is None:
            return None
        try:
            pointer = msgspec.json.decode(data, type=Pointer)
            if pointer.version and not VERSION.fullmatch(pointer.version):
                raise msgspec.ValidationError(f"{pointer.version!r} is no version")
        except msgspec.MsgspecError as error:
            raise ArtifactError(
                f"the pointer aliases/{alias}.json is damaged: {error}",
                hint="`forewarn models promote VERSION` writes a new one.",
            ) from error
        return pointer

    def versions(self) -> list[str]:
        """All versions, oldest first."""
        return [name for name in self._storage.folders("artifacts") if VERSION.fullmatch(name)]

    def manifest(self, version: str) -> ArtifactManifest:
        """The manifest of a version, unverified: for lists.

        Raises:
            ArtifactError: if there is no such version.
        """
        data = self.file(version, "manifest.json")
        if data is None:
            raise self._missing(version)
        try:
            return msgspec.json.decode(data, type=ArtifactManifest)
        except msgspec.MsgspecError as error:
            raise ArtifactError(f"the manifest of {version} is damaged: {error}") from error

    def file(self, version: str, name: str) -> bytes | None:
        """A file of an artifact, unverified; None if it has none of that name.

        Raises:
            ArtifactError: for a version that is none.
        """
        self._checked(version)
        return self._storage.read(f"artifacts/{version}/{name}")

    def add(self, folder: Path) -> str:
        """Copy a verified artifact into the registry; returns its version.

        The checksums go last: a copy that was cut off is not an artifact.

        Raises:
            ArtifactError: if the artifact is damaged or not signed.
        """
        artifact = read_artifact(folder, signing_key=self._key)
        files = dict(artifact.files)
        for name in (SIGNATURE, SUMS):
            if (folder / name).is_file():
                files[name] = (folder / name).read_bytes()
        for name, data in files.items():
            self._storage.write(f"artifacts/{artifact.version}/{name}", data)
        return artifact.version

    def fetch(self, version: str) -> Path:
        """The folder of a version on this machine's disk; a remote one is copied and verified.

        Raises:
            ArtifactError: if there is no such version or its copy is damaged.
        """
        self._checked(version)
        local = self._storage.local(f"artifacts/{version}")
        if local is not None:
            if not local.is_dir():
                raise self._missing(version)
            return local
        private_directory(self._cache)
        target = self._cache / version
        if (target / SUMS).is_file():
            return target
        names = self._storage.files(f"artifacts/{version}")
        if SUMS not in names:
            raise self._missing(version)
        work = Path(tempfile.mkdtemp(prefix=".copying-", dir=self._cache))
        try:
            for name in names:
                (work / name).write_bytes(self._storage.read(f"artifacts/{version}/{name}") or b"")
            copied = read_artifact(work, signing_key=self._key)
            if copied.version != version:
                raise ArtifactError(
                    f"the artifact under {version} says that it is {copied.version}"
                )
            if target.exists():
                shutil.rmtree(target)
            work.rename(target)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        return target

    def artifact(self, version: str) -> Artifact:
        """A version, fetched and verified; raises ArtifactError."""
        artifact = read_artifact(self.fetch(version), signing_key=self._key)
        if artifact.version != version:
            raise ArtifactError(f"the artifact under {version} says that it is {artifact.version}")
        return artifact

    def point(self, alias: Alias, version: str, *, by: str, reason: str, now_ms: int) -> Pointer:
        """Let an alias point to a version (empty: to nothing).

        Raises:
            ArtifactError: if the version is not in the registry or is damaged.
        """
        if version:
            self.artifact(version)
        before = self.pointer(alias)
        move = Move(version=version, changed_ms=now_ms, by=by, reason=reason)
        moves = (*(before.moves if before else ()), move)[-HISTORY:]
        pointer = Pointer(version=version, moves=moves)
        self._storage.write(
            f"aliases/{alias}.json", msgspec.json.format(msgspec.json.encode(pointer))
        )
        return pointer

    def rollback(self, alias: Alias, *, by: str, reason: str, now_ms: int) -> Pointer:
        """Let an alias point to the last other version that it pointed to.

        A rollback of a rollback therefore goes forward again, as one would expect of "undo".

        Raises:
            ConfigurationError: if it never pointed to another one.
        """
        pointer = self.pointer(alias)
        before = [m.version for m in pointer.moves if m.version] if pointer else []
        other = [version for version in before if pointer and version != pointer.version]
        if not other:
            raise ConfigurationError(
                f"{alias} has no earlier version to go back to",
                hint="`forewarn models list` shows what can be promoted.",
            )
        return self.point(alias, other[-1], by=by, reason=reason, now_ms=now_ms)

    def _checked(self, version: str) -> None:
        """A version becomes part of a path: nothing that could lead elsewhere passes."""
        if not VERSION.fullmatch(version):
            raise self._missing(version)

    def _missing(self, version: str) -> ArtifactError:
        known = self.versions()
        newest = f"the newest is {known[-1]}" if known else "it is empty"
        return ArtifactError(
            f"the registry has no model {version}; {newest}.", hint="See `forewarn models list`."
        )


def open_registry(settings: ModelsSettings) -> Registry:
    """The registry that settings name: a folder, or an object store's URL."""
    key = settings.signing_key.get_secret_value().encode()
    return Registry(open_storage(settings.registry), settings.cache_dir, signing_key=key)


def champion_scorer(registry: Registry, fingerprint: str) -> Scorer | None:
    """The present champion, or None if there is none for this catalog.

    Raises:
        ArtifactError: if it is damaged.
    """
    path = registry.current("champion")
    if path is None or registry.manifest(path.name).fingerprint != fingerprint:
        return None
    return Scorer(registry.artifact(path.name))
