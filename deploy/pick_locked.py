"""Print the blocks of a lock file, hashes and all, of the versions that a list names.

``python deploy/pick_locked.py WANTED LOCK``: WANTED is what ``uv pip compile`` resolved, one
``name==version`` a line. A resolver asked for hashes takes those that the index offers now; these are
the ones that were reviewed and committed. A version that is not locked stops the installation.
"""

import sys
from pathlib import Path


def blocks(lock: str) -> dict[str, str]:
    """Each requirement line of a lock file, without its continuation mark, and its whole block."""
    found: dict[str, str] = {}
    wanted = ""
    for line in lock.splitlines(keepends=True):
        if line[0] not in " #\n":
            wanted = line.strip().removesuffix("\\").strip()
            found[wanted] = line
        elif wanted and line[0] == " ":
            found[wanted] += line
    return found


def pick(wanted: str, lock: str) -> str:
    """The blocks of all that is wanted.

    Raises:
        SystemExit: for something that is not in the lock file, or has no hash there.
    """
    locked = {key.partition(" ;")[0]: block for key, block in blocks(lock).items()}
    names = [line.partition(" ;")[0].strip() for line in wanted.splitlines()]
    names = [name for name in names if name and not name.startswith("#")]
    missing = [name for name in names if "--hash=sha256:" not in locked.get(name, "")]
    if missing:
        raise SystemExit(f"not in the lock file: {', '.join(missing)}; run `make lock`")
    return "".join(locked[name] for name in names)


if __name__ == "__main__":
    sys.stdout.write(pick(Path(sys.argv[1]).read_text(), Path(sys.argv[2]).read_text()))
