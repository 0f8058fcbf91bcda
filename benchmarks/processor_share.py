"""Holds processes to a part of one processor by a control group of Linux, version 1 or 2."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CONTROL_GROUPS = Path("/sys/fs/cgroup")
PERIOD_MICROSECONDS = 100_000


@contextmanager
def held_to(share: float, name: str, processes: list[int]) -> Iterator[None]:
    """Hold each process to a share of one processor, all its threads together.

    Args:
        share: for example 0.25 of a processor.
        name: of the groups, which are removed at the end; the processes must have ended or they stay
            free afterwards.
        processes: ids.
    """
    parent, limits = _limits(share)
    groups = [parent / f"forewarn-{os.getpid()}-{name}-{number}" for number in processes]
    try:
        for group, number in zip(groups, processes, strict=True):
            group.mkdir()
            for file, text in limits.items():
                (group / file).write_text(text)
            (group / "cgroup.procs").write_text(str(number))
    except OSError as error:
        _remove(groups, parent)
        sys.exit(f"a control group cannot be made ({error}): run this part as root")
    try:
        yield
    finally:
        _remove(groups, parent)


def _limits(share: float) -> tuple[Path, dict[str, str]]:
    """Where groups are made, and the files that bound one."""
    quota = int(share * PERIOD_MICROSECONDS)
    first = CONTROL_GROUPS / "cpu"
    if (first / "cpu.cfs_quota_us").exists():
        return first, {
            "cpu.cfs_period_us": f"{PERIOD_MICROSECONDS}",
            "cpu.cfs_quota_us": f"{quota}",
        }
    return CONTROL_GROUPS, {"cpu.max": f"{quota} {PERIOD_MICROSECONDS}"}


def _remove(groups: list[Path], parent: Path) -> None:
    """Give the processes back to the parent, and remove the groups."""
    for group in groups:
        if not group.exists():
            continue
        for number in (group / "cgroup.procs").read_text().split():
            (parent / "cgroup.procs").write_text(number)
        group.rmdir()
