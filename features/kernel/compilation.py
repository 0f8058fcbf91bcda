"""The cache of compiled code.

numba caches machine code by the source file of a function, and does not notice that a function which it
calls, in another file, has changed. Since all code of the kernel must be of one version, its cache is in a
directory named after a digest of all its sources: after any change, everything is compiled again.

The directory is under ``NUMBA_CACHE_DIR`` if that is set (an image sets it and compiles when it is built,
``python -m features.precompile``), else under the user's cache directory. Its contents are used even if it
cannot be written: a container's root is read-only. numba's own cache accepts only a directory that it can
write, and refuses to compile without one; a worker that compiles for half a minute is better than one that
does not start.
"""

import hashlib
import os
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numba.core import caching

_INNER: Any = {
    "nogil": True,
    "error_model": "numpy",
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
    "_nrt": False,
}

inner = numba.njit(**_INNER)
"""For functions that only compiled code calls: no wrappers, no cache of their own, and no reference counts.
So they must not allocate, and must not return arrays to an entry function, which would count them."""

inlined = numba.njit(forceinline=True, **_INNER)
"""The same for the readers of the loop over events: a call would pass the layout of all their arrays. For other
functions the saved time is not worth the time to compile."""


def entry(function: Any) -> Any:
    """Compile a function that Python calls, at its first call; its machine code is cached on disk."""
    compiled = numba.njit(nogil=True, error_model="numpy")(function)
    compiled._cache = _KernelCache(function)  # noqa: SLF001 - numba has no public way
    return compiled


@cache
def digest() -> str:
    """Digest of all sources of the kernel; 16 hexadecimal digits."""
    here = Path(__file__).parent
    features = here.parent
    outside = (features / "kinds.py", features / "record_header.py")
    hashed = hashlib.sha256(f"{numba.__version__} {np.__version__}".encode())
    for path in sorted([*here.rglob("*.py"), *features.glob("catalog/*.py"), *outside]):
        hashed.update(path.name.encode() + b"\0" + path.read_bytes())
    return hashed.hexdigest()[:16]


@cache
def directory() -> Path:
    """The cache directory of this version of the kernel; chosen once, since it may be temporary."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111 - cannot raise
    given = os.environ.get("NUMBA_CACHE_DIR")
    path = (Path(given) if given else Path(home) / "forewarn" / "numba") / digest()
    with suppress(OSError):
        path.mkdir(parents=True, exist_ok=True)
        # A directory of a read-only image is used as it is; an empty one must be writable.
        if os.access(path, os.W_OK) or any(path.iterdir()):
            return path
    with suppress(OSError):
        # Never a fixed name in a directory of all users: its contents are executed.
        return Path(tempfile.mkdtemp(prefix="forewarn-numba-"))
    return path  # nothing can be cached; everything is compiled at each start


class _KernelLocator(caching._CacheLocator):  # noqa: SLF001 - its subclasses are numba's documented way
    """One directory for all of the kernel, wherever the package is installed."""

    def __init__(self, first_line: int) -> None:
        self._first_line = first_line

    def ensure_cache_path(self) -> None:
        """Do nothing: :func:`directory` created it, and a read-only one is read."""

    def get_cache_path(self) -> str:
        return str(directory())

    def get_source_stamp(self) -> str:
        return digest()

    def get_disambiguator(self) -> str:
        return str(self._first_line)

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> "_KernelLocator":
        del py_file  # the same code installed elsewhere is the same code
        return cls(py_func.__code__.co_firstlineno)


class _KernelCacheImpl(caching.CompileResultCacheImpl):
    _locator_classes = (_KernelLocator,)


class _KernelCache(caching.FunctionCache):
    """numba's cache, which takes a disk that it cannot read or write for an empty one."""

    _impl_class = _KernelCacheImpl

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        with suppress(OSError):
            return super().load_overload(sig, target_context)
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        with suppress(OSError):
            super().save_overload(sig, data)
