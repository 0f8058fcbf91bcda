"""The cache of compiled code.

numba caches machine code by the source file of a function, and does not notice that a function which it
calls, in another file, has changed. Since all code of the kernel must be of one version, its cache is in a
directory named after a digest of all its sources: after any change, everything is compiled again. The walks
over a model's trees (``models.serving``) are kept in the same way.

The directory is under ``NUMBA_CACHE_DIR`` if that is set (an image sets it and compiles when it is built,
``python -m models.machine_code``), else under the user's cache directory. Its contents are used even if it
cannot be written: a container's root is read-only. numba's own cache accepts only a directory that it can
write, and refuses to compile without one; a worker that compiles for half a minute is better than one that
does not start.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cached_property
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


class CodeCache:
    """Machine code of one set of sources, in a directory named after their digest.

    Args:
        sources: lists the files whose change makes the code another; asked once, at first use.
    """

    def __init__(self, sources: Callable[[], Iterable[Path]]) -> None:
        self._sources = sources

    @cached_property
    def digest(self) -> str:
        """Digest of all sources and of the compiler; 16 hexadecimal digits."""
        hashed = hashlib.sha256(f"{numba.__version__} {np.__version__}".encode())
        for path in self._sources():
            hashed.update(path.name.encode() + b"\0" + path.read_bytes())
        return hashed.hexdigest()[:16]

    @cached_property
    def directory(self) -> Path:
        """Where the code of this version is; chosen once, since it may be temporary."""
        home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111 - cannot raise
        given = os.environ.get("NUMBA_CACHE_DIR")
        path = (Path(given) if given else Path(home) / "forewarn" / "numba") / self.digest
        with suppress(OSError):
            path.mkdir(parents=True, exist_ok=True)
            # A directory of a read-only image is used as it is; an empty one must be writable.
            if os.access(path, os.W_OK) or any(path.iterdir()):
                return path
        with suppress(OSError):
            # Never a fixed name in a directory of all users: its contents are executed.
            return Path(tempfile.mkdtemp(prefix="forewarn-numba-"))
        return path  # nothing can be cached; everything is compiled at each start

    def files(self) -> int:
        """Files of machine code in the directory."""
        return sum(1 for _ in self.directory.glob("*.nbc"))

    def entry(self, function: Any, *, error_model: str = "python") -> Any:
        """Compile a function that Python calls, at its first call; its machine code is cached on disk.

        Args:
            function: to compile.
            error_model: numba's; ``numpy`` divides by zero as numpy does, ``python`` raises.
        """
        compiled = numba.njit(nogil=True, error_model=error_model)(function)
        compiled._cache = _cache_class(self)(function)  # noqa: SLF001 - numba has no public way
        return compiled


def _kernel_sources() -> list[Path]:
    here = Path(__file__).parent
    features = here.parent
    outside = (features / "kinds.py", features / "record_header.py")
    return sorted([*here.rglob("*.py"), *features.glob("catalog/*.py"), *outside])


KERNEL = CodeCache(_kernel_sources)
"""The code of the feature kernel."""


def entry(function: Any) -> Any:
    """Compile a function of the kernel that Python calls; its machine code is cached on disk."""
    return KERNEL.entry(function, error_model="numpy")


def _cache_class(code: CodeCache) -> "type[_KeptCache]":
    """The cache of one set of sources: numba takes the place of a cache from a class, not from a value."""

    class _Locator(_CodeLocator):
        _code = code

    class _Impl(caching.CompileResultCacheImpl):
        _locator_classes = (_Locator,)

    class _Cache(_KeptCache):
        _impl_class = _Impl

    return _Cache


class _CodeLocator(caching._CacheLocator):  # noqa: SLF001 - its subclasses are numba's documented way
    """One directory for all of the code, wherever the package is installed."""

    _code: CodeCache

    def __init__(self, first_line: int) -> None:
        self._first_line = first_line

    def ensure_cache_path(self) -> None:
        """Do nothing: the directory was created with its name, and a read-only one is read."""

    def get_cache_path(self) -> str:
        return str(self._code.directory)

    def get_source_stamp(self) -> str:
        return self._code.digest

    def get_disambiguator(self) -> str:
        return str(self._first_line)

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> "_CodeLocator":
        del py_file  # the same code installed elsewhere is the same code
        return cls(py_func.__code__.co_firstlineno)


class _KeptCache(caching.FunctionCache):
    """numba's cache, which takes a disk that it cannot read or write for an empty one."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        with suppress(OSError):
            return super().load_overload(sig, target_context)
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        with suppress(OSError):
            super().save_overload(sig, data)
