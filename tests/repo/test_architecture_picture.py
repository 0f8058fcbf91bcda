"""The picture in docs/architecture.md shows the packages and the imports that the code has."""

import re
from functools import cache
from itertools import product
from pathlib import Path

from tests.repo.test_imports import GROUND, MODULES, ROOT, _is_ours, imports_of

BLOCKS: dict[str, tuple[str, ...]] = {
    "ground": GROUND,
    "features": ("features",),
    "models": ("models",),
    "streams": ("streams",),
    "alerting": ("alerting",),
    "simulator": ("forewarn.simulator",),
    "replay": ("forewarn.replay",),
    "api": ("forewarn.api",),
    "applications": (
        "forewarn.cli",
        "forewarn.demo",
        "forewarn.local",
        "forewarn.reference",
        "forewarn.__main__",
    ),
}
"""The boxes of the picture, with the packages in each."""

Arrows = set[tuple[str, str]]


def _block(module: str) -> str | None:
    for block, packages in BLOCKS.items():
        if any(module == one or module.startswith(f"{one}.") for one in packages):
            return block
    return None


@cache
def _imported() -> Arrows:
    """Imports between blocks."""
    found = {
        (_block(name), _block(module))
        for name, path in MODULES.items()
        for _, module in imports_of(path)
        if _is_ours(module)
    }
    return {(a, b) for a, b in found if a and b and a != b}


def _reduced(arrows: Arrows) -> Arrows:
    """Arrows without those that a longer way over other arrows implies."""
    reach = set(arrows)
    for middle, start, end in product(BLOCKS, repeat=3):  # Warshall: the middle varies slowest
        if (start, middle) in reach and (middle, end) in reach:
            reach.add((start, end))
    return {
        (a, b)
        for a, b in arrows
        if not any((a, c) in reach and (c, b) in reach for c in BLOCKS if c not in (a, b))
    }


def _picture() -> str:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    pictures = re.findall(r"```mermaid\n(.*?)```", page, re.DOTALL)
    (picture,) = [text for text in pictures if "subgraph applications" in text]
    return picture


def _packages(block: str) -> set[str]:
    """The packages of a block as directories: one level below its part."""
    parts = [Path(*package.split(".")) for package in BLOCKS[block]]
    if block in ("features", "models", "streams", "alerting"):
        (part,) = parts
        return {path.parent.name for path in (ROOT / part).glob("*/__init__.py")}
    return {part.name for part in parts if part.name != "__main__"}


def test_the_boxes_hold_the_packages_that_exist() -> None:
    boxes = re.findall(r"subgraph (\w+)[^\n]*\n(.*?)\n    end", _picture(), re.DOTALL)
    shown = {block: set(re.findall(r"\w+\[([\w]+)\]", text)) for block, text in boxes}
    assert shown == {block: _packages(block) for block in BLOCKS}


def test_the_arrows_are_the_imports() -> None:
    """Arrows that a longer way implies are left out, in the picture as here."""
    shown = set(re.findall(r"^    (\w+) --> (\w+)$", _picture(), re.MULTILINE))
    assert shown == _reduced(_imported())


def test_imports_between_blocks_have_no_circle() -> None:
    arrows = _imported()
    assert not {(a, b) for a, b in arrows if (b, a) in arrows}
