"""Bar charts as geometry: rectangles and grid lines, which a template draws."""

from collections.abc import Sequence
from dataclasses import dataclass

from alerting.web.console.queries.figures_query import DayAmount

WIDTH = 720
HEIGHT = 190
LEFT = 58  # room for the numbers of the axis
BOTTOM = 20  # room for the days
TOP = 10
GAP_SHARE = 0.28  # of a bar's place
GRID_LINES = 4


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar in the units of the viewBox, with its value."""

    x: float
    y: float
    width: float
    height: float
    day: str
    amount: int
    labelled: bool


@dataclass(frozen=True, slots=True)
class GridLine:
    """A horizontal line and its number."""

    y: float
    amount: int


@dataclass(frozen=True, slots=True)
class BarChart:
    """A chart ready to draw; ``target_y`` is the place of the target's line, None without one."""

    bars: list[Bar]
    grid: list[GridLine]
    target_y: float | None
    width: int
    height: int = HEIGHT
    left: int = LEFT


def bar_chart(
    days: Sequence[DayAmount], *, target: int = 0, whole: int = 1, width: int = WIDTH
) -> BarChart:
    """Lay out one bar a day.

    Args:
        days: oldest first; a negative day is drawn at zero height, its number is in the label.
        target: a line to hold the bars against; 0 for none.
        whole: the smallest step of the axis, for example 100 for money in fen.
        width: of the viewBox, about what the page gives it, so that text keeps its size.
    """
    step = axis_step(max([day.amount for day in days] + [target]), whole)
    top = step * GRID_LINES
    base = HEIGHT - BOTTOM
    scale = (base - TOP) / top
    place = (width - LEFT) / max(1, len(days))
    bars = []
    for number, day in enumerate(days):
        height = max(0, day.amount) * scale
        bars.append(
            Bar(
                x=round(LEFT + number * place + place * GAP_SHARE / 2, 2),
                y=round(base - height, 2),
                width=round(place * (1 - GAP_SHARE), 2),
                height=round(height, 2),
                day=day.day,
                amount=day.amount,
                labelled=(len(days) - 1 - number) % 7 == 0,
            )
        )
    grid = [
        GridLine(round(base - step * line * scale, 2), step * line)
        for line in range(GRID_LINES + 1)
    ]
    return BarChart(bars, grid, round(base - target * scale, 2) if target else None, width)


def axis_step(highest: int, whole: int) -> int:
    """The smallest of 1, 2, 2.5 and 5 times a power of ten that reaches the top in four steps."""
    need = max(1, -(-highest // GRID_LINES))
    size = whole
    while True:
        for tenths in (10, 20, 25, 50):
            step = size * tenths // 10
            if step >= need and step % whole == 0:
                return step
        size *= 10
