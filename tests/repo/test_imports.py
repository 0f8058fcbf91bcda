"""Imports point one way, as docs/architecture.md says."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = ("features", "models", "streams", "alerting", "forewarn")

GROUND = (
    "forewarn.errors",
    "forewarn.contracts",
    "forewarn.platform",
    "forewarn.telemetry",
)
"""What every part shares; it imports nothing of ours but itself."""

APPLICATIONS = (
    "forewarn.api",
    "forewarn.cli",
    "forewarn.local",
    "forewarn.demo",
    "forewarn.reference",
    "forewarn.replay",
    "forewarn.simulator",
    "forewarn.__main__",
)
"""What stands on all the rest; nothing below imports it."""

LAYERS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "ground": (GROUND, ()),
    "features": (("features",), ()),
    "models": (("models",), ("features",)),
    "streams": (("streams",), ("features", "models")),
    "alerting": (("alerting",), ()),
    "replay": (("forewarn.replay",), ()),
    "simulator": (("forewarn.simulator",), ("features", "models")),
}
"""Layer -> (its packages, the packages that it may import besides the ground and itself)."""

WALLS: dict[str, tuple[str, ...]] = {
    "models.serving": ("models.training", "models.tabular", "models.evaluation", "models.registry"),
    "models.policy": ("models.training", "models.tabular", "models.evaluation", "models.registry"),
    "streams": ("models.training", "models.tabular", "models.evaluation"),
    "streams.transport": (
        "streams.intake",
        "streams.model",
        "streams.pipeline",
        "streams.worker",
        "streams.decisions",
    ),
    "streams.intake": ("streams.model", "streams.pipeline", "streams.worker", "streams.decisions"),
    "streams.model": ("streams.worker", "streams.decisions"),
    "streams.pipeline": ("streams.worker", "streams.decisions"),
    "streams.decisions": ("streams.worker",),
    "streams.worker": ("streams.decisions",),
    "alerting.db": (
        "alerting.bootstrap",
        "alerting.cases",
        "alerting.ingest",
        "alerting.jobs",
        "alerting.linkage",
        "alerting.messaging",
        "alerting.notify",
        "alerting.web",
    ),
    "alerting.cases": ("alerting.bootstrap", "alerting.ingest", "alerting.jobs", "alerting.web"),
    "alerting.notify": ("alerting.bootstrap", "alerting.ingest", "alerting.jobs", "alerting.web"),
    "alerting.orders": ("alerting.bootstrap", "alerting.ingest", "alerting.jobs", "alerting.web"),
    "alerting.web": ("alerting.bootstrap",),
}
"""Inside the parts: package -> the packages that it never imports."""

READS_SETTINGS = (
    "forewarn/api/",
    "forewarn/cli/",
    "forewarn/local/",
    "forewarn/demo/",
    "forewarn/platform/settings/",
    "streams/decisions/replica_composition.py",
    "streams/worker/main.py",
    "alerting/bootstrap/",
)
"""The composition roots: everything else receives values."""


def _modules() -> dict[str, Path]:
    """Every module of ours by its dotted name."""
    found = {}
    for part in PARTS:
        for path in sorted((ROOT / part).rglob("*.py")):
            dotted = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            found[dotted.removesuffix(".__init__")] = path
    return found


MODULES = _modules()


@cache
def tree_of(path: Path) -> ast.Module:
    """The syntax tree of a file, parsed once."""
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imports_of(path: Path) -> tuple[tuple[int, str], ...]:
    """Line and module of every import, those inside functions too."""
    return tuple(_imports(path))


def _within(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def _imports(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative imports hide the direction"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield node.lineno, inner if inner in MODULES else node.module or ""


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] in PARTS


@pytest.mark.parametrize("layer", LAYERS)
def test_imports_point_one_way(layer: str) -> None:
    own, others = LAYERS[layer]
    allowed = own + others + GROUND
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for name, path in MODULES.items()
        if _within(name, own)
        for line, module in imports_of(path)
        if _is_ours(module) and module != "forewarn" and not _within(module, allowed)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("package", WALLS)
def test_packages_of_a_part_keep_their_walls(package: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for name, path in MODULES.items()
        if _within(name, (package,))
        for line, module in imports_of(path)
        if _within(module, WALLS[package])
    ]
    assert not wrong, "\n".join(wrong)


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {
        name: {module for _, module in imports_of(path) if module in MODULES and module != name}
        for name, path in MODULES.items()
        if path.name != "__init__.py"
    }
    free: set[str] = set()
    while ready := {name for name in graph.keys() - free if not graph[name] & graph.keys() - free}:
        free |= ready
    assert not graph.keys() - free, sorted(graph.keys() - free)


def test_every_module_belongs_to_a_layer() -> None:
    layers = tuple(package for own, _ in LAYERS.values() for package in own)
    known = (*layers, *APPLICATIONS)
    strays = [name for name in MODULES if name != "forewarn" and not _within(name, known)]
    assert not strays


def _loads_settings(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.ImportFrom)
        and (node.module or "").startswith("forewarn.platform.settings")
        and any(alias.name == "load" for alias in node.names)
    )


def test_only_composition_roots_read_settings() -> None:
    wrong = [
        str(path.relative_to(ROOT))
        for path in MODULES.values()
        if not str(path.relative_to(ROOT)).startswith(READS_SETTINGS)
        and any(map(_loads_settings, ast.walk(tree_of(path))))
    ]
    assert not wrong, "\n".join(wrong)


def test_only_tests_import_tests() -> None:
    for path in MODULES.values():
        assert not any(_within(module, ("tests",)) for _, module in imports_of(path)), path


def test_the_architecture_page_lists_the_same_ground() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    (row,) = [line for line in page.splitlines() if line.startswith("| `forewarn.errors`")]
    assert tuple(re.findall(r"`(forewarn\.[a-z]+)`", row.split("|")[1])) == GROUND
