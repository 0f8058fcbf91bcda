"""Imports point one way, as docs/architecture.md says."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = ("features", "models", "streams", "alerting")
LEAVES = {
    f"forewarn.{name}"
    for name in (
        "events",
        "errors",
        "topics",
        "pseudonyms",
        "settings",
        "kafka",
        "logs",
        "otlp",
        "replay",
        "tracing",
    )
} | {"forewarn"}
MAY_IMPORT = {
    "leaves": set(),
    "features": {"features"},
    "models": {"models", "features"},
    "streams": {"streams", "models", "features"},
    "alerting": {"alerting"},
}

READS_SETTINGS = ("forewarn/cli/", "forewarn/local/", "streams/worker.py", "alerting/compose.py")
"""The composition roots: everything else is handed values."""


def _files(part: str) -> list[Path]:
    if part != "leaves":
        return sorted((ROOT / part).rglob("*.py"))
    roots = ("cli", "local", "reference", "__main__.py")
    return [
        path
        for path in sorted((ROOT / "forewarn").rglob("*.py"))
        if path.relative_to(ROOT / "forewarn").parts[0] not in roots
    ]


def _imports(path: Path) -> Iterator[tuple[int, str, list[str]]]:
    """Line, module and imported names of every import, those inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative imports hide the direction"
            yield node.lineno, node.module or "", [alias.name for alias in node.names]


def _is_leaf(module: str) -> bool:
    return module == "forewarn" or ".".join(module.split(".")[:2]) in LEAVES


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_imports_point_one_way(part: str) -> None:
    wrong = []
    files = _files(part)
    assert files
    for path in files:
        for line, module, _ in _imports(path):
            top = module.partition(".")[0]
            ours = top in PARTS or top == "forewarn"
            if ours and top not in MAY_IMPORT[part] and not _is_leaf(module):
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {module}")
    assert not wrong, "\n".join(wrong)


def test_only_composition_roots_read_settings() -> None:
    wrong = []
    for part in (*PARTS, "forewarn"):
        for path in sorted((ROOT / part).rglob("*.py")):
            place = str(path.relative_to(ROOT))
            if place.startswith((*READS_SETTINGS, "forewarn/settings/")):
                continue
            for line, module, names in _imports(path):
                if module.startswith("forewarn.settings") and "load" in names:
                    wrong.append(f"{place}:{line}")
    assert not wrong, "\n".join(wrong)


def test_nobody_but_tests_imports_tests() -> None:
    for part in (*PARTS, "forewarn"):
        for path in (ROOT / part).rglob("*.py"):
            assert not any(module.startswith("tests") for _, module, _ in _imports(path)), path


def test_the_architecture_page_lists_the_same_leaves() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    (row,) = [line for line in page.splitlines() if line.startswith("| `forewarn.events`")]
    named = set(re.findall(r"`(forewarn\.[a-z]+)`", row.split("|")[1]))
    assert named | {"forewarn"} == LEAVES
