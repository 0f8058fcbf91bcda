"""A model artifact: a directory of text files that can be read, compared and verified.

``SHA256SUMS`` is in the format of coreutils, so ``sha256sum -c SHA256SUMS`` verifies an artifact by
hand, and ``SHA256SUMS.hmac`` (optional) signs it. Nothing in an artifact is executed when it is
loaded: no pickle.

An artifact holds one model of all events, and beside it models of single triggers (a call that begins, a
call that ended, an attempted transfer): ``booster.on_call.txt`` with ``calibration.on_call.json``. The
manifest says of each trigger which of the two scores it, and why.
"""

import hashlib
import hmac
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from forewarn.errors import ArtifactError
from models.policy.event_status import KIND_OF_TRIGGER
from models.serving.calibration import Calibrator

FORMAT = 2
"""Written if a trigger has a model of its own; earlier versions would score its events by the common one."""
ONE_MODEL_FORMAT = 1
"""Written, and read by earlier versions, if one model scores everything."""
BOOSTER, TYPOLOGY = "booster.txt", "typology.txt"
SUMS, SIGNATURE = "SHA256SUMS", "SHA256SUMS.hmac"

VERSION = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}")
"""What a version looks like; anything else that calls itself one is not joined to a path."""

T = TypeVar("T")


class TriggerModel(msgspec.Struct, frozen=True, kw_only=True):
    """Which model scores the events of a trigger: its ``own``, or the common one, and ``why``.

    ``frauds`` are the labelled events of the trigger that training had, ``trees`` those of its own model.
    """

    model: Literal["own", "common"]
    why: str
    frauds: int
    trees: int = 0


class ArtifactManifest(msgspec.Struct, frozen=True, kw_only=True):
    """``manifest.json``: what the model is and what it was made from. Times are UTC milliseconds.

    ``fingerprint`` is that of the feature catalog; empty for a model over another table.
    ``thresholds`` are recommendations to the policy, in calibrated probability. From ``test_from_ms``
    on nothing was trained on; 0 where that is not known. ``triggers`` is empty where training did not
    try models by trigger: one model scores everything.
    """

    format: int = ONE_MODEL_FORMAT
    created_ms: int
    fingerprint: str
    features: tuple[str, ...]
    rows: int
    positives: int
    data_from_ms: int
    data_until_ms: int
    test_from_ms: int = 0
    seed: int
    thresholds: dict[str, float] = {}
    typologies: tuple[str, ...] = ()
    triggers: dict[str, TriggerModel] = {}
    parameters: dict[str, Any] = {}
    libraries: dict[str, str] = {}
    parent: str = ""

    def own(self) -> tuple[str, ...]:
        """Triggers that have a model of their own."""
        return tuple(name for name, one in self.triggers.items() if one.model == "own")


class Artifact(msgspec.Struct, frozen=True):
    """A verified artifact: its place, version, manifest and calibrators, and the bytes of its files.

    The bytes are those whose checksums were right. The folder is not looked at again: a process that can
    write to it could change a file after it was verified.
    """

    path: Path
    version: str
    manifest: ArtifactManifest
    calibrator: Calibrator
    files: Mapping[str, bytes]
    own_calibrators: Mapping[str, Calibrator] = {}

    def data(self, name: str) -> bytes:
        """The content of a file of the artifact.

        Raises:
            ArtifactError: if there is none.
        """
        if name not in self.files:
            raise ArtifactError(f"model {self.version} has no file {name}")
        return self.files[name]

    def text(self, name: str) -> str:
        """The text of a file of the artifact.

        Raises:
            ArtifactError: if there is none, or it is no text.
        """
        try:
            return self.data(name).decode()
        except UnicodeDecodeError as error:
            raise ArtifactError(f"cannot read {name} of model {self.version}: {error}") from error

    def has(self, name: str) -> bool:
        """Whether the artifact has this optional file."""
        return name in self.files

    def json(self, name: str, kind: type[T]) -> T:
        """A JSON file of the artifact, checked against its type; raises ArtifactError."""
        return _decode(self.data(name), kind, name)


def booster_of(trigger: str) -> str:
    """Name of the file with the trees of a trigger's own model."""
    return f"booster.{trigger}.txt"


def calibration_of(trigger: str) -> str:
    """Name of the file with the calibration of a trigger's own model."""
    return f"calibration.{trigger}.json"


def write_artifact(
    directory: Path,
    manifest: ArtifactManifest,
    calibrator: Calibrator,
    files: Mapping[str, str | bytes],
    *,
    signing_key: bytes = b"",
) -> Path:
    """Write an artifact below ``directory`` in a folder named by its version, all or nothing.

    Args:
        files: further files by name (the booster, metrics, report, ...), as text or bytes.
        signing_key: signs the checksums if given.

    Returns:
        The artifact's folder.
    """
    directory.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".writing-", dir=directory))
    try:
        pretty = {
            "manifest.json": msgspec.json.format(msgspec.json.encode(manifest)),
            "calibration.json": msgspec.json.format(msgspec.json.encode(calibrator)),
        }
        for name, content in {**pretty, **files}.items():
            data = content.encode() if isinstance(content, str) else content
            (work / name).write_bytes(data)
        sums = "".join(
            f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
            for path in sorted(work.iterdir())
            if path.is_file()
        ).encode()
        (work / SUMS).write_bytes(sums)
        if signing_key:
            (work / SIGNATURE).write_text(_sign(signing_key, sums) + "\n")
        work.chmod(0o755)  # mkdtemp's 0700 would hide it from the workers' user
        target = directory / _version(manifest, sums)
        if target.exists():  # the same content was written before
            shutil.rmtree(work)
        else:
            os.replace(work, target)  # noqa: PTH105  # atomic, and clearer than Path.replace here
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
    return target


def read_artifact(path: Path, *, signing_key: bytes = b"") -> Artifact:
    """Verify the checksums (and the signature, if a key is given) and read the manifest.

    Raises:
        ArtifactError: naming the file that is missing, changed, added or unsigned.
    """
    try:
        sums = (path / SUMS).read_bytes()
    except OSError as error:
        raise ArtifactError(
            f"no model artifact at {path}: {error}.",
            hint="Give the folder that `forewarn train` printed.",
        ) from error
    if signing_key:
        _verify_signature(path, sums, signing_key)
    files = _verified_files(path, sums)
    manifest = _decode(files["manifest.json"], ArtifactManifest, "manifest.json")
    if manifest.format not in (ONE_MODEL_FORMAT, FORMAT):
        raise ArtifactError(
            f"artifact format {manifest.format}, this version reads {ONE_MODEL_FORMAT} and {FORMAT}",
            hint="Train the model again with this version, or upgrade.",
        )
    _check_triggers(path, manifest, files)
    return Artifact(
        path, _version(manifest, sums), manifest, _calibrator(files, "calibration.json"), files,
        {name: _calibrator(files, calibration_of(name)) for name in manifest.own()},
    )  # fmt: skip


def _calibrator(files: Mapping[str, bytes], name: str) -> Calibrator:
    found = _decode(files[name], Calibrator, name)
    found.check()
    return found


def _check_triggers(path: Path, manifest: ArtifactManifest, files: Mapping[str, bytes]) -> None:
    """The files of the triggers' own models are there, and no others."""
    if manifest.own() and manifest.format == ONE_MODEL_FORMAT:
        raise ArtifactError(
            f"the manifest of {path} names models by trigger, which format {ONE_MODEL_FORMAT} has not"
        )
    for name in manifest.triggers:
        if name not in KIND_OF_TRIGGER:
            raise ArtifactError(
                f"the manifest of {path} names a trigger {name!r}; there are {', '.join(KIND_OF_TRIGGER)}"
            )
    for name in KIND_OF_TRIGGER:
        for file in (booster_of(name), calibration_of(name)):
            if name in manifest.own() and file not in files:
                raise ArtifactError(
                    f"{file} is not among the checksums of {path}, whose manifest names it"
                )
            if name not in manifest.own() and file in files:
                raise ArtifactError(f"{path} holds {file}, which its manifest does not name")


def _verified_files(path: Path, sums: bytes) -> dict[str, bytes]:
    """Every file by name, read once: the bytes that are hashed are the bytes that are used."""
    files: dict[str, bytes] = {}
    for line in sums.decode("utf-8", "replace").splitlines():
        digest, _, name = line.partition("  ")
        if not name or "/" in name or name.startswith("."):
            raise ArtifactError(f"{path / SUMS} has a line that names no file: {line!r}")
        try:
            files[name] = (path / name).read_bytes()
        except OSError as error:
            raise ArtifactError(
                f"{name} is missing from {path}: {error}", hint="Copy the artifact again."
            ) from error
        if not hmac.compare_digest(hashlib.sha256(files[name]).hexdigest(), digest):
            raise ArtifactError(
                f"{name} in {path} does not have the recorded SHA-256",
                hint="It was changed or cut off: copy the artifact again or train a new one.",
            )
    for needed in ("manifest.json", "calibration.json", BOOSTER):
        if needed not in files:
            raise ArtifactError(f"{needed} is not among the checksums of {path}")
    extra = {p.name for p in path.iterdir() if not p.name.startswith(".")} - files.keys()
    if extra - {SUMS, SIGNATURE}:
        raise ArtifactError(f"{path} holds files without checksums: {', '.join(sorted(extra))}")
    return files


def _verify_signature(path: Path, sums: bytes, key: bytes) -> None:
    try:
        given = (path / SIGNATURE).read_text().strip()
    except OSError:
        given = ""
    if not hmac.compare_digest(given, _sign(key, sums)):
        raise ArtifactError(
            f"the artifact at {path} is not signed with this installation's key",
            hint="Train it with FOREWARN_MODELS_SIGNING_KEY set, or fetch it from its source again.",
        )


def _decode(data: bytes, kind: type[T], name: str) -> T:
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.MsgspecError as error:
        raise ArtifactError(f"{name} of the artifact is not valid: {error}") from error


def _version(manifest: ArtifactManifest, sums: bytes) -> str:
    """When it was made and the start of the hash of all its files: sortable, and its content's."""
    made = datetime.fromtimestamp(manifest.created_ms / 1000, UTC)
    return f"{made:%Y%m%dT%H%M%SZ}-{hashlib.sha256(sums).hexdigest()[:8]}"


def _sign(key: bytes, sums: bytes) -> str:
    return hmac.new(key, sums, hashlib.sha256).hexdigest()
