"""What the tree may hold: files of one concept, no path of one person's machine, no stray secrets."""

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

from tests.servers import missing_server

ROOT = Path(__file__).parents[2]
LINES_MAX = 500

# A machine's paths, private registries and addresses: what a copy of this tree elsewhere cannot use.
PRIVATE = re.compile(
    r"(?<![\w.])/(?:root|home|Users|work|workspace)/\w"
    r"|--(?:extra-)?index-url|--find-links|--trusted-host"
    r"|https?://(?:10|192\.168|172\.(?:1[6-9]|2\d|3[01]))\.\d"
    r"|https?://[\w.-]+\.(?:corp|intranet|lan)\b"
)
KEY = re.compile(r"-----BEGIN (?:RSA |EC |ENCRYPTED )?PRIVATE KEY-----|AKIA[0-9A-Z]{16}")


def _tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False, text=True
    )
    if listed.returncode != 0:
        missing_server("not a git checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


@cache
def _texts() -> list[tuple[Path, str]]:
    found = []
    for path in _tracked():
        try:
            found.append((path.relative_to(ROOT), path.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue  # a picture
    return found


@cache
def _lines_below_imports(text: str) -> int:
    """Lines of a module but those of its imports, of which the formatter makes one a name."""
    imports = [n for n in ast.parse(text).body if isinstance(n, ast.Import | ast.ImportFrom)]
    return text.count("\n") - sum((n.end_lineno or n.lineno) - n.lineno + 1 for n in imports)


def test_no_source_file_has_more_than_one_concept_fits_in() -> None:
    long = {
        str(path): count
        for path, text in _texts()
        if path.suffix == ".py" and (count := _lines_below_imports(text)) > LINES_MAX
    }
    assert not long


@pytest.mark.parametrize("pattern", [PRIVATE, KEY], ids=["private places", "keys"])
def test_no_file_names_what_belongs_to_one_machine(pattern: re.Pattern[str]) -> None:
    here = Path(__file__).relative_to(ROOT)
    found = [
        f"{path}: {match.group()}"
        for path, text in _texts()
        if path != here and (match := pattern.search(text))
    ]
    assert not found


def test_every_package_says_what_it_is() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in _tracked()
        if path.suffix == ".py"
        and path.relative_to(ROOT).parts[0]
        in ("forewarn", "features", "models", "streams", "alerting")
        and not path.read_text(encoding="utf-8").lstrip().startswith(('"""', "#"))
    ]
    assert not silent


def test_every_skip_is_a_failure_in_ci() -> None:
    """Tests skip through ``tests/servers.py``, which knows CI; a test that never runs proves nothing."""
    skips = re.compile(r"pytest\.(?:skip|importorskip|mark\.skip)")
    here = {"tests/servers.py", str(Path(__file__).relative_to(ROOT))}
    found = [str(p) for p, text in _texts() if p.suffix == ".py" and skips.search(text)]
    assert set(found) <= here


def test_ci_says_that_it_is_ci() -> None:
    assert re.search(r"^export CI=true\b", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
