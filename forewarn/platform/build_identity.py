"""Which commit this code was built from."""

import subprocess
from pathlib import Path

_PACKAGE = Path(__file__).parents[1]


def commit() -> str:
    """The full commit: from the wheel, or from git in a checkout; ``unknown`` where neither says it."""
    file = _PACKAGE / "commit.txt"
    if file.is_file():
        return file.read_text().strip()
    if not (_PACKAGE.parent / ".git").exists():
        return "unknown"
    try:
        done = subprocess.run(  # noqa: S603  a command of our own
            ["git", "-C", str(_PACKAGE.parent), "rev-parse", "HEAD"],  # noqa: S607  as users have it
            capture_output=True, text=True, check=True, timeout=10,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return done.stdout.strip()
