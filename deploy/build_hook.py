"""Writes the commit that a wheel is built from into it, for ``forewarn --version``.

The commit comes from FOREWARN_COMMIT (an image is built without the history) or from git.
"""

import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CommitHook(BuildHookInterface):  # type: ignore[type-arg]  # no configuration of its own
    """Hatchling calls it for every wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the file; an editable installation asks git each time instead."""
        if version == "editable":
            return
        commit = os.environ.get("FOREWARN_COMMIT") or _head(Path(self.root))
        file = Path(tempfile.mkdtemp()) / "commit.txt"
        file.write_text(f"{commit}\n")
        build_data["force_include"][str(file)] = "forewarn/commit.txt"


def _head(root: Path) -> str:
    try:
        done = subprocess.run(  # noqa: S603  a command of our own
            ["git", "-C", str(root), "rev-parse", "HEAD"],  # noqa: S607  git as builders have it
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()
