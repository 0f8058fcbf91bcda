"""Plots as inline SVG that take the page's text colour, so that they read well on light and dark."""

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib as mpl

mpl.use("svg")  # before pyplot; a training job has no screen

from matplotlib.axes import Axes  # the backend comes first
from matplotlib.figure import Figure

from models.evaluation.report.plot_fonts import families, one_note

# Mid-tones with more than 3:1 contrast on both white and near black.
BLUE, ORANGE, GREEN, GREY = "#3b82c4", "#d97706", "#2f9e6e", "#8a8f98"
COLOURS = {"model": BLUE, "champion": GREEN, "logistic": ORANGE, "rules": GREY}

_INK = "#010203"
"""Drawn with this and then replaced: SVG in HTML inherits ``currentColor``."""


def draw(paint: Callable[[Axes], None], *, width: float = 6.0, height: float = 3.4) -> str:
    """Paint one plot; returns an SVG element."""
    settings = {
        "svg.fonttype": "none",
        "svg.hashsalt": "forewarn",
        "font.family": families(),
        "font.size": 9,
        **dict.fromkeys(
            ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), _INK
        ),
        "axes.spines.top": False,
        "axes.spines.right": False,
        "legend.frameon": False,
    }
    with mpl.rc_context(settings), one_note():
        figure = Figure(figsize=(width, height), layout="constrained")
        figure.patch.set_alpha(0)
        axes = figure.add_subplot()
        axes.patch.set_alpha(0)
        axes.grid(visible=True, alpha=0.25, linewidth=0.5)
        paint(axes)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
    svg = text.getvalue()
    return svg[svg.index("<svg") :].replace(_INK, "currentColor")


def precision_recall(curves: Mapping[str, Mapping[str, Sequence[float]]]) -> str:
    """Precision over recall of the model and its baselines."""

    def paint(axes: Axes) -> None:
        for name, curve in curves.items():
            wide = 2.2 if name == "model" else 1.2
            axes.plot(
                curve["recall"], curve["precision"], label=name, lw=wide, color=COLOURS.get(name)
            )
        axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
        axes.legend()

    return draw(paint)


def calibration(curve: Sequence[Sequence[float]]) -> str:
    """Observed share of fraud over predicted probability, on logarithmic axes."""

    def paint(axes: Axes) -> None:
        points = [(p, o) for p, o, _ in curve if p > 0]
        low = min([p for p, _ in points] + [1e-3]) / 2
        axes.plot([low, 1], [low, 1], color=GREY, lw=1, ls="--", label="perfect")
        axes.plot(
            [p for p, _ in points],
            [max(o, low) for _, o in points],
            marker="o", color=BLUE, label="model",
        )  # fmt: skip
        axes.set(xlabel="predicted", ylabel="observed", xscale="log", yscale="log")
        axes.legend()

    return draw(paint)


def budgets(rows: Sequence[Mapping[str, Any]]) -> str:
    """Share of events, episodes and money found over warnings a day."""

    def paint(axes: Axes) -> None:
        days = [row["per_day"] for row in rows]
        for key, label, colour in (
            ("recall", "events", GREY),
            ("episode_recall", "episodes", BLUE),
            ("value_recall", "money", ORANGE),
        ):
            values = [row[key] if row[key] is not None else float("nan") for row in rows]
            axes.plot(days, values, marker="o", label=label, color=colour)
        axes.set(xlabel="warnings a day", ylabel="share found", xscale="log", ylim=(0, 1.02))
        axes.set_xticks(days, [f"{day:g}" for day in days])
        axes.minorticks_off()
        axes.legend()

    return draw(paint)


def lead_curves(curves: Mapping[str, Sequence[Mapping[str, float]]]) -> str:
    """Share of losses (and of money for the first one) that were warned at least so long before."""

    def paint(axes: Axes) -> None:
        for place, (name, rows) in enumerate(curves.items()):
            minutes = [max(row["minutes"], 0.3) for row in rows]
            colour = COLOURS.get(name)
            axes.plot(
                minutes, [row["losses"] for row in rows], marker="o", label=name, color=colour
            )
            if place == 0:
                money = [row["money"] for row in rows]
                axes.plot(minutes, money, ls="--", label=f"{name}, money", color=colour)
        ticks = [
            (0.3, "any"),
            (1, "1 min"),
            (5, "5"),
            (15, "15"),
            (60, "1 h"),
            (240, "4"),
            (1440, "1 d"),
        ]
        axes.set(
            xlabel="warned at least so long before", ylabel="share", xscale="log", ylim=(0, 1.02)
        )
        axes.set_xticks([at for at, _ in ticks], [text for _, text in ticks])
        axes.minorticks_off()
        axes.legend()

    return draw(paint)


def bars(values: Mapping[str, float], label: str, *, marks: Sequence[float] = ()) -> str:
    """Horizontal bars, first on top, with optional vertical marks."""

    def paint(axes: Axes) -> None:
        names = list(values)[::-1]
        axes.barh(names, [values[name] for name in names], color=BLUE, height=0.7)
        for mark in marks:
            axes.axvline(mark, color=ORANGE, lw=1, ls="--")
        axes.set_xlabel(label)
        axes.grid(visible=False, axis="y")

    return draw(paint, height=0.7 + 0.21 * max(3, len(values)))


def segments(table: Mapping[str, Mapping[str, float]]) -> str:
    """Recall by segment with 95 % intervals."""

    def paint(axes: Axes) -> None:
        names = list(table)[::-1]
        recall = [table[name]["recall"] for name in names]
        # At a recall of 1 the interval's end may lie under it by the last bit of a float.
        below = [max(0.0, table[n]["recall"] - table[n]["low"]) for n in names]
        above = [max(0.0, table[n]["high"] - table[n]["recall"]) for n in names]
        labels = [f"{name} ({int(table[name]['episodes'])})" for name in names]
        axes.errorbar(recall, labels, xerr=[below, above], fmt="o", color=BLUE, capsize=3)
        axes.set(xlabel="recall at the recommended threshold", xlim=(0, 1))

    return draw(paint, height=0.8 + 0.26 * max(2, len(table)))


def shap_swarm(
    names: Sequence[str], values: Sequence[Sequence[float]], shades: Sequence[Sequence[float]]
) -> str:
    """SHAP values of single events by feature; colour is the feature's rank, orange high.

    ``values`` and ``shades`` hold one row of equal length for each name.
    """

    def paint(axes: Axes) -> None:
        for level, (shap, shade) in enumerate(zip(values[::-1], shades[::-1], strict=True)):
            # A fixed zigzag spreads the points; random jitter would change the file every time.
            heights = [level + ((i * 7) % 11 - 5) / 16 for i in range(len(shap))]
            axes.scatter(shap, heights, c=shade, cmap=_ramp(), s=5, linewidths=0, vmin=0, vmax=1)
        axes.set_yticks(range(len(names)), list(names)[::-1])
        axes.axvline(0, color=GREY, lw=0.8)
        axes.set_xlabel("contribution to the log-odds")

    return draw(paint, height=0.7 + 0.26 * max(3, len(names)))


def _ramp() -> Any:
    return mpl.colors.LinearSegmentedColormap.from_list("ramp", [BLUE, GREY, ORANGE])
