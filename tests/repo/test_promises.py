"""The promises of CONTRIBUTING about sizes, names and words; each failure lists what breaks one."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tests.repo.test_files import _lines_below_imports, _texts
from tests.repo.test_imports import MODULES, ROOT, tree_of

FUNCTION_LINES = 70
FILE_LINES = 400

LARGER = {"forewarn/replay/column_mapping.py": 480}
"""Files that are still larger, with a bound that only goes down."""

NOUNS = frozenset(
    [
        "alerting",
        "early_warning",
        "listing",
        "mapping",
        "masking",
        "messaging",
        "rendering",
        "reopening",
        "routing",
        "sampling",
        "serving",
        "tracing",
        "tracking",
        "training",
        "warning",
    ]
)
"""Words on -ing that are nouns of the field; any other ending of a module's name is a gerund."""

BANNED = re.compile(
    r"\b(somebody|anybody|everybody|nobody|whoever|whomever|anew|told|mends?|mended|mending)\b",
    re.IGNORECASE,
)
"""Indefinite pronouns and translated verbs: a noun of the field says more."""

PROSE = (".py", ".md", ".toml", ".html", ".ini", ".ipynb")


def _functions(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Name and lines of every function, with its signature and documentation."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or 0) - node.lineno + 1


def test_functions_are_short() -> None:
    long = [
        f"{name}.{function}: {lines}"
        for name, path in MODULES.items()
        if "migrations" not in path.parts
        for function, lines in _functions(tree_of(path))
        if lines > FUNCTION_LINES
    ]
    assert not long


def test_files_hold_one_concept() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in MODULES.values()
        if (lines := _lines_below_imports(path.read_text(encoding="utf-8"))) > FILE_LINES
    }
    assert not {name: lines for name, lines in long.items() if lines > LARGER.get(name, 0)}
    assert set(LARGER) <= set(long), "no longer larger: take it off the list"


def test_a_name_leads_to_one_file_and_to_one_class() -> None:
    files: dict[str, list[str]] = defaultdict(list)
    classes: dict[str, list[str]] = defaultdict(list)
    for name, path in MODULES.items():
        if path.name != "__init__.py":
            files[path.name].append(name)
        for node in tree_of(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                classes[node.name].append(name)
    assert not {name: places for name, places in files.items() if len(places) > 1}
    assert not {name: places for name, places in classes.items() if len(places) > 1}


def test_a_module_is_a_noun() -> None:
    gerunds = {
        name
        for name in MODULES
        for word in name.split(".")
        if word.endswith("ing") and word not in NOUNS and word.rpartition("_")[2] not in NOUNS
    }
    assert not gerunds


def _prose() -> list[tuple[Path, str]]:
    """Source, tests, documentation, catalogs and templates."""
    parts = (
        "forewarn", "features", "models", "streams", "alerting", "docs", "deploy", "tests", "benchmarks",
    )  # fmt: skip
    pages = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "Makefile")
    return [
        (path, text)
        for path, text in _texts()
        if (path.parts[0] in parts and path.suffix in PROSE) or str(path) in pages
    ]


def test_prose_is_plain() -> None:
    """Keys of catalogs are names, not prose; the next test reads the names of functions."""
    here = Path(__file__).relative_to(ROOT)
    found = [
        f"{path}:{number}: {line.strip()[:120]}"
        for path, text in _prose()
        if path != here and BANNED.search(text)
        for number, line in enumerate(text.splitlines(), start=1)
        if BANNED.search(re.sub(r"[\w.]*\bnobody = |\w+\.nobody\b", "", line))
    ]
    assert not found, "\n".join(found)


def test_names_of_tests_are_plain() -> None:
    """The same words in functions of ``tests``: tests, fixtures and helpers."""
    found = [
        f"{path}: {name}"
        for path, text in _texts()
        if path.parts[0] == "tests" and path.suffix == ".py"
        for name, _ in _functions(ast.parse(text))
        if BANNED.search(name.replace("_", " "))
    ]
    assert not found, "\n".join(found)
