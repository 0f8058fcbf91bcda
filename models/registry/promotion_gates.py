"""Gates that a model has to pass before it may become champion.

It beats the champion on rows that the candidate has not seen (within the bounds of a paired
bootstrap), its probabilities mean what they say, it scores fast enough for a worker's core, and
enough different people's frauds say so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from models.evaluation.bootstrap import PrecisionDifference

GateName = Literal["beats_champion", "calibrated", "fast_enough", "enough_frauds", "no_leak"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GateBounds:
    """Bounds of the gates.

    ``least_gain`` is a share of the champion's average precision: how far the lower end of the 90 %
    interval may lie below it (0 asks for a sure gain; a small negative number accepts a draw).
    Rows of one fraud resemble each other, so ``least_episodes`` and ``least_victims`` count frauds
    and people in the test part, not rows.
    """

    least_gain: float = -0.03
    least_wins: float = 0.5
    largest_calibration_error: float = 0.5
    largest_ratio: float = 2.0
    largest_microseconds_per_row: float = 15.0
    least_episodes: int = 20
    least_victims: int = 10


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """What one gate says, with the figures behind it."""

    gate: GateName
    passed: bool
    message: str


def judge(
    metrics: Mapping[str, Any],
    difference: PrecisionDifference | None,
    bounds: GateBounds = GateBounds(),
    *,
    incomparable: str = "",
) -> list[GateVerdict]:
    """All gates of a candidate; it may be promoted if every one is passed.

    Args:
        metrics: the candidate's ``metrics.json``.
        difference: candidate minus champion on later rows; None where there is no champion.
        bounds: see ``GateBounds``.
        incomparable: version of a champion that reads other features, if it does.
    """
    verdicts = [
        _not_comparable(incomparable) if incomparable else _beats(metrics, difference, bounds),
        _calibrated(metrics, bounds),
        _fast(metrics, bounds),
        _enough(metrics, bounds),
    ]
    leaks = [
        one["about"]
        for one in metrics["findings"]
        if one["level"] == "warning" and "gives the label away" in one["message"]
    ]
    verdicts.append(
        GateVerdict("no_leak", not leaks, f"leaking: {', '.join(leaks)}" if leaks else "none found")
    )
    return verdicts


def passed(verdicts: Sequence[GateVerdict]) -> bool:
    """Whether every gate is passed."""
    return all(verdict.passed for verdict in verdicts)


def _not_comparable(champion: str) -> GateVerdict:
    return GateVerdict(
        "beats_champion",
        False,
        f"cannot be compared with {champion}, which reads other features: look at both reports, "
        "then use --force",
    )


def _beats(
    metrics: Mapping[str, Any], difference: PrecisionDifference | None, bounds: GateBounds
) -> GateVerdict:
    if difference is None:
        rules = metrics["baselines"]["rules"]["average_precision"]
        own = metrics["average_precision"]
        good = own is not None and own > (rules or 0.0)
        shown = ["none" if value is None else f"{value:.4f}" for value in (own, rules)]
        message = f"no champion yet; average precision {shown[0]}, rules alone {shown[1]}"
        return GateVerdict("beats_champion", good, message)
    good = (
        difference.low >= bounds.least_gain * difference.old
        and difference.wins >= bounds.least_wins
    )
    return GateVerdict(
        "beats_champion",
        good,
        f"average precision {difference.new:.4f} against {difference.old:.4f}; difference "
        f"{difference.low:+.4f} to {difference.high:+.4f}, ahead in {difference.wins:.0%} of draws",
    )


def _calibrated(metrics: Mapping[str, Any], bounds: GateBounds) -> GateVerdict:
    found = metrics["calibration"]
    error, observed = found["expected_error"], found["observed_frauds"]
    ratio = found["predicted_frauds"] / observed if observed else float("inf")
    inside = 1.0 / bounds.largest_ratio <= ratio <= bounds.largest_ratio
    good = error is not None and error <= bounds.largest_calibration_error and inside
    return GateVerdict(
        "calibrated",
        good,
        f"predicted {ratio:.2f} times the observed frauds, expected error "
        f"{'unknown' if error is None else f'{error:.0%}'} of them",
    )


def _enough(metrics: Mapping[str, Any], bounds: GateBounds) -> GateVerdict:
    episodes = int(metrics["test"]["episodes"])
    victims = int(metrics["test"].get("victims", 0))  # not counted by older versions
    return GateVerdict(
        "enough_frauds",
        episodes >= bounds.least_episodes and victims >= bounds.least_victims,
        f"{episodes} frauds of {victims} people in the test part, at least "
        f"{bounds.least_episodes} of {bounds.least_victims}",
    )


def _fast(metrics: Mapping[str, Any], bounds: GateBounds) -> GateVerdict:
    speed = metrics["speed"]["microseconds_per_row"]
    return GateVerdict(
        "fast_enough",
        speed <= bounds.largest_microseconds_per_row,
        f"{speed:.1f} us a row, at most {bounds.largest_microseconds_per_row:g}",
    )
