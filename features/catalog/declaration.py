"""How a feature is declared: once, as data."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from features.kernel import program
from features.kernel.semantics import WINDOWS

EntityName = Literal["event", "subscriber", "number", "account", "device"]
Degree = Literal["first", "second"]
Monotone = Literal[-1, 0, 1]

_ENTITY_OF_BLOCK = {"number": 0, "account": 1, "device": 2}
DISTINCT_WINDOWS = ("1h", "24h", "7d", "30d")


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature.

    Attributes:
        name: also its code in warnings; unit and window last.
        entity: whose history it is about; ``event`` is the event itself.
        kinds: the event kinds that it is made of.
        aggregation: how, in words.
        window: one of ``WINDOWS``, or empty.
        unit: of the value; ``1`` for counts and ratios.
        why: why it matters, for people.
        monotone: +1 if risk cannot fall with it, -1 if it cannot rise, 0 where neither is known.
        degree: ``second`` where it depends on what the subscribers' steps said.
        code: row of the vector program without its slot.
    """

    name: str
    entity: EntityName
    kinds: str
    aggregation: str
    window: str
    unit: str
    why: str
    code: tuple[int, int, int, int, int]
    monotone: Monotone = 0
    degree: Degree = "first"

    @property
    def block(self) -> int:
        """Index of the program block that computes it."""
        if self.entity in ("event", "subscriber"):
            return program.BLOCK_SUBSCRIBER
        first = program.BLOCK_SHARED if self.degree == "first" else program.BLOCK_SECOND
        return first + _ENTITY_OF_BLOCK[self.entity]


def totals(
    base: str,
    entity: EntityName,
    channel: int,
    windows: Sequence[str],
    *,
    kinds: str,
    why: str,
    unit: str = "1",
    aggregation: str = "count",
    monotone: Monotone = 0,
    degree: Degree = "first",
) -> list[Feature]:
    """A channel (a sum or a maximum) over several windows."""
    return [
        Feature(
            name=f"{base}_{window}",
            entity=entity,
            kinds=kinds,
            aggregation=aggregation,
            window=window,
            unit=unit,
            why=why,
            code=(program.OP_SUM, WINDOWS.index(window), channel, 0, 0),
            monotone=monotone,
            degree=degree,
        )
        for window in windows
    ]


def ratios(
    base: str,
    entity: EntityName,
    above: int,
    below: int,
    windows: Sequence[str],
    *,
    kinds: str,
    why: str,
    unit: str = "1",
    aggregation: str = "ratio",
    monotone: Monotone = 0,
) -> list[Feature]:
    """One channel over another in the same window; missing where the lower one is 0."""
    rows = []
    for window in windows:
        w = WINDOWS.index(window)
        rows.append(
            Feature(
                name=f"{base}_{window}",
                entity=entity,
                kinds=kinds,
                aggregation=aggregation,
                window=window,
                unit=unit,
                why=why,
                code=(program.OP_RATIO, w, above, w, below),
                monotone=monotone,
            )
        )
    return rows


def larger(
    base: str,
    entity: EntityName,
    one: int,
    other: int,
    windows: Sequence[str],
    *,
    kinds: str,
    why: str,
) -> list[Feature]:
    """The larger of two counts in the same window: of two signs of one thing, either may be lost."""
    rows = []
    for window in windows:
        w = WINDOWS.index(window)
        rows.append(
            Feature(
                name=f"{base}_{window}",
                entity=entity,
                kinds=kinds,
                aggregation="larger of two counts",
                window=window,
                unit="1",
                why=why,
                code=(program.OP_MORE, w, one, w, other),
            )
        )
    return rows


def distincts(
    base: str,
    entity: EntityName,
    table: int,
    windows: Sequence[str],
    *,
    kinds: str,
    why: str,
    monotone: Monotone = 0,
) -> list[Feature]:
    """Distinct counterparties; exact while few (``features.kernel.pairs`` states the error)."""
    return [
        Feature(
            name=f"{base}_{window}",
            entity=entity,
            kinds=kinds,
            aggregation="distinct count",
            window=window,
            unit="1",
            why=why,
            code=(program.OP_DISTINCT, table, DISTINCT_WINDOWS.index(window), 0, 0),
            monotone=monotone,
        )
        for window in windows
    ]


def scalar(
    name: str,
    entity: EntityName,
    value: str,
    *,
    kinds: str,
    why: str,
    unit: str = "1",
    aggregation: str = "latest",
    monotone: Monotone = 0,
) -> Feature:
    """A value that the kernel computes by name."""
    shared = entity in _ENTITY_OF_BLOCK
    names = program.SHARED_SCALARS if shared else program.SUBSCRIBER_SCALARS
    return Feature(
        name=name,
        entity=entity,
        kinds=kinds,
        aggregation=aggregation,
        window="",
        unit=unit,
        why=why,
        code=(program.OP_SCALAR, names.index(value), 0, 0, 0),
        monotone=monotone,
    )
