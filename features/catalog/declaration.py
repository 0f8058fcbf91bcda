"""Declarations of features: each once, as data. ``docs/adding-features.md`` leads through an example."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, Required, TypedDict, Unpack

from features.catalog.semantics import DISTINCT_WINDOWS, WINDOWS

EntityName = Literal["event", "subscriber", "number", "account", "device"]
Degree = Literal["first", "second"]
Monotone = Literal[-1, 0, 1]

SHARED_ENTITIES: Final = ("number", "account", "device")

OP_SUM, OP_RATIO, OP_DISTINCT, OP_SCALAR, OP_LARGER = range(5)
"""How the kernel computes a slot of the vector; ``features.kernel.program`` states what each does."""
N_OPS: Final = 5

# Blocks of the program: the slots that one step of the kernel writes.
BLOCK_SUBSCRIBER: Final = 0
BLOCK_SHARED: Final = 1  # + index in SHARED_ENTITIES
BLOCK_SECOND: Final = 4  # + index in SHARED_ENTITIES
N_BLOCKS: Final = 7


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature.

    Attributes:
        name: also its code in warnings; unit and window last.
        entity: the entity whose history it describes; ``event`` is the event itself.
        kinds: the event kinds that it is computed from.
        aggregation: how, in words.
        window: one of ``WINDOWS``, or empty.
        unit: of the value; ``1`` for counts and ratios.
        why: why it matters, for analysts.
        op: one of the ``OP_...`` codes.
        operands: of ``op``; a scalar has none, because its index derives from its name.
        monotone: +1 if risk cannot fall with it, -1 if it cannot rise, 0 where neither is known.
        degree: ``second`` where it depends on what the subscribers' records say of earlier events.
    """

    name: str
    entity: EntityName
    kinds: str
    aggregation: str
    window: str
    unit: str
    why: str
    op: int
    operands: tuple[int, ...] = ()
    monotone: Monotone = 0
    degree: Degree = "first"

    @property
    def block(self) -> int:
        """Index of the program block that computes it."""
        if self.entity not in SHARED_ENTITIES:
            return BLOCK_SUBSCRIBER
        first = BLOCK_SHARED if self.degree == "first" else BLOCK_SECOND
        return first + SHARED_ENTITIES.index(self.entity)

    @property
    def scalar_name(self) -> str:
        """Name of a scalar in the kernel: that of the feature, for shared records without the entity."""
        if self.entity in SHARED_ENTITIES:
            return self.name.removeprefix(f"{self.entity}_")
        return self.name


class About(TypedDict, total=False):
    """What every constructor takes besides the computation; see :class:`Feature`."""

    kinds: Required[str]
    why: Required[str]
    unit: str
    aggregation: str
    monotone: Monotone
    degree: Degree


def _feature(
    name: str,
    entity: EntityName,
    window: str,
    code: tuple[int, ...],
    aggregation: str,
    about: About,
) -> Feature:
    given: About = {"aggregation": aggregation, "unit": "1", **about}
    return Feature(
        name=f"{name}_{window}" if window else name,
        entity=entity,
        window=window,
        op=code[0],
        operands=code[1:],
        **given,
    )


def totals(
    base: str,
    entity: EntityName,
    channel: int,
    windows: Sequence[str],
    **about: Unpack[About],
) -> list[Feature]:
    """A channel (a sum or a maximum) over several windows."""
    return [
        _feature(base, entity, w, (OP_SUM, WINDOWS.index(w), channel), "count", about)
        for w in windows
    ]


def ratios(
    base: str,
    entity: EntityName,
    numerator: int,
    denominator: int,
    windows: Sequence[str],
    **about: Unpack[About],
) -> list[Feature]:
    """One channel divided by another in the same window; missing where the denominator is 0."""
    return [
        _feature(base, entity, w, (OP_RATIO, i, numerator, i, denominator), "ratio", about)
        for w, i in ((w, WINDOWS.index(w)) for w in windows)
    ]


def larger(
    base: str,
    entity: EntityName,
    one: int,
    other: int,
    windows: Sequence[str],
    **about: Unpack[About],
) -> list[Feature]:
    """The larger of two counts of the same thing in the same window, since either sign may be lost."""
    return [
        _feature(base, entity, w, (OP_LARGER, i, one, i, other), "larger of two counts", about)
        for w, i in ((w, WINDOWS.index(w)) for w in windows)
    ]


def distincts(
    base: str,
    entity: EntityName,
    table: int,
    windows: Sequence[str],
    **about: Unpack[About],
) -> list[Feature]:
    """Distinct counterparties; exact while few (``features.kernel.pairs`` states the error)."""
    places = [WINDOWS[window] for window in DISTINCT_WINDOWS]
    return [
        _feature(base, entity, w, (OP_DISTINCT, table, places.index(w)), "distinct count", about)
        for w in windows
    ]


def scalar(name: str, entity: EntityName, **about: Unpack[About]) -> Feature:
    """A value that the kernel writes under the feature's name (``Feature.scalar_name``)."""
    return _feature(name, entity, "", (OP_SCALAR,), "latest", about)
