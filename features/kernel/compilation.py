"""Where compiled code is kept.

numba keeps machine code by the source file of a function, and does not notice when a function that it
calls, in another file, has changed. Since all of the kernel must mean one thing, its cache lies in a
directory named after a digest of all its sources: any change compiles everything anew.

The directory is under ``NUMBA_CACHE_DIR`` if that is set (an image sets it and compiles when it is
built, ``python -m features.warm``), else under the user's cache directory.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numba
import numpy as np

inner = numba.njit(
    nogil=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False
)
"""For functions that only compiled code calls: no wrappers, no cache of their own, and no counting of
references, so they must not allocate."""

entry = numba.njit(cache=True, nogil=True, error_model="numpy")
"""For functions that Python calls."""


def digest() -> str:
    """Digest of all that the kernel is compiled from; 16 hexadecimal digits."""
    here = Path(__file__).parent
    sources = sorted([*here.glob("*.py"), here.parent / "kinds.py", here.parent / "header.py"])
    hashed = hashlib.sha256(f"{numba.__version__} {np.__version__}".encode())
    for path in sources:
        hashed.update(path.name.encode() + b"\0" + path.read_bytes())
    return hashed.hexdigest()[:16]


def directory() -> Path:
    """The cache directory of this version of the kernel; it exists and is writable."""
    given = os.environ.get("NUMBA_CACHE_DIR")
    home = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    base = Path(given) if given else Path(home) / "forewarn" / "numba"
    path = base / digest()
    with suppress(OSError):
        path.mkdir(parents=True, exist_ok=True)
        # A directory baked into a read-only image serves as it is; an empty one must be writable.
        if os.access(path, os.W_OK) or any(path.iterdir()):
            return path
    # Never a fixed name in a directory of all users: what lies there is run.
    return Path(tempfile.mkdtemp(prefix="forewarn-numba-"))


@contextmanager
def cache_directory() -> Iterator[None]:
    """Functions decorated within keep their machine code in :func:`directory`."""
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(directory())
    try:
        yield
    finally:
        numba.config.CACHE_DIR = before
