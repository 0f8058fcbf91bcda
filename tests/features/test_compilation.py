"""Compiled code is found where an image keeps it, and its absence never stops a start."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import features
from features.kernel import compilation
from features.precompile import precompile

READ_ONLY = """
import builtins, errno, os, tempfile

def refuse(*arguments, **options):
    raise OSError(errno.EROFS, "Read-only file system")

def reading_only(file, mode="r", *arguments, **options):
    return refuse() if set(mode) & set("wax+") else really_open(file, mode, *arguments, **options)

really_open, builtins.open = builtins.open, reading_only
os.mkdir = tempfile.TemporaryFile = tempfile.mkdtemp = refuse
os.access = lambda path, mode, **options: False
"""
"""What a container with a read-only root answers, to root as well."""

COUNT = """
import sys
from features.kernel import deduplication, execution, record_batch, watermarks
for module in (deduplication, execution, record_batch, watermarks):
    for name, value in vars(module).items():
        if hasattr(value, "stats") and value.stats.cache_hits | value.stats.cache_misses:
            print(name, sum(value.stats.cache_hits.values()), sum(value.stats.cache_misses.values()))
"""


def _run(script: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", READ_ONLY + script],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_read_only_cache_that_was_made_before_is_used(tmp_path: Path) -> None:
    """Also by a package that lies elsewhere: an image is warmed and run in different places."""
    precompile()
    shutil.copytree(compilation.KERNEL.directory, tmp_path / "baked" / compilation.KERNEL.digest)
    source = Path(features.__file__).parents[1]
    for package in ("features", "forewarn"):
        shutil.copytree(
            source / package,
            tmp_path / "site" / package,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
    printed = _run(
        f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r})\n"
        "from features.precompile import precompile; import features; precompile()\n"
        f"assert features.__file__.startswith({str(tmp_path)!r}), features.__file__\n" + COUNT,
        NUMBA_CACHE_DIR=str(tmp_path / "baked"),
    )
    counts = [line.split() for line in printed.splitlines()]
    assert {name for name, *_ in counts} >= {"execute", "reapply", "dedupe", "annex_spans"}
    assert all((hits, misses) == ("1", "0") for _, hits, misses in counts), printed


def test_without_any_place_for_a_cache_the_kernel_still_starts(tmp_path: Path) -> None:
    printed = _run(
        "import numpy as np\n"
        "from features.kernel import deduplication\n"
        "a = np.array([7, 7, 8], np.uint64); b = np.zeros(3, np.int64)\n"
        "print(deduplication.dedupe(a, b, np.ones(3, np.bool_))[0].tolist())\n",
        NUMBA_CACHE_DIR=str(tmp_path / "absent"),
    )
    assert printed.strip() == "[0, 0, 1]"
    assert not (tmp_path / "absent").exists()
