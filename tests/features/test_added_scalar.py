"""A scalar feature is one declaration and the code that computes it (docs/adding-features.md)."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

import features
from features.catalog import CATALOG
from features.engine import Engine
from tests.features.builders import town

DECLARATION = 'scalar("twice_the_kind", "event", kinds="all", why="An example.", unit="code"),'
COMPUTED = re.compile(r"^( +)(\S+)\[SCALARS\.event_kind\] = .*$", re.MULTILINE)
PRINT_VECTORS = """
import sys
import features
from features.catalog import CATALOG
from features.engine import Engine
from tests.features.builders import town
assert features.__file__.startswith(sys.argv[1]), features.__file__
engine = Engine()
result = engine.run(engine.plan(town(60, subscribers=3, days=2, seed=5)))
print(CATALOG.slot("twice_the_kind"))
sys.stdout.flush()
sys.stdout.buffer.write(result.vectors.tobytes())
"""


def _replace_once(path: Path, pattern: re.Pattern[str], replacement: str) -> None:
    text, count = pattern.subn(replacement, path.read_text(encoding="utf-8"))
    assert count == 1, path
    path.write_text(text, encoding="utf-8")


def test_a_scalar_is_added_by_two_lines(tmp_path: Path) -> None:
    """One line of the catalog and one of the kernel; all other values keep their bits.

    The copy runs interpreted, which takes a second where compiling would take half a minute.
    """
    package = Path(features.__file__).parent
    copy = tmp_path / "features"
    shutil.copytree(package, copy, ignore=shutil.ignore_patterns("__pycache__"))
    _replace_once(
        copy / "catalog" / "event_features.py",
        re.compile(r"^( +)(scalar\(\"event_kind\".*)$", re.MULTILINE),
        rf"\1\2\n\1{DECLARATION}",
    )
    _replace_once(
        copy / "kernel" / "subscriber" / "subscriber_values.py",
        COMPUTED,
        r"\g<0>\n\1\2[SCALARS.twice_the_kind] = 2.0 * \2[SCALARS.event_kind]",
    )
    done = subprocess.run(
        [sys.executable, "-P", "-W", "ignore", "-c", PRINT_VECTORS, str(tmp_path)],
        env=os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": f"{tmp_path}:{package.parent}"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    first, _, data = done.stdout.partition(b"\n")
    slot = int(first)
    vectors = np.frombuffer(data, np.float32).reshape(60, len(CATALOG.names) + 1)
    np.testing.assert_array_equal(vectors[:, slot], 2 * vectors[:, CATALOG.slot("event_kind")])
    engine = Engine()
    before = engine.run(engine.plan(town(60, subscribers=3, days=2, seed=5))).vectors
    np.testing.assert_array_equal(
        np.delete(vectors, slot, axis=1).view(np.uint32), before.view(np.uint32)
    )
