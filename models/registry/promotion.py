"""Promotion: gates first, then the pointer."""

from forewarn.errors import ConfigurationError
from models.registry.candidate_comparison import comparable, compare
from models.registry.promotion_gates import GateBounds, GateVerdict, judge, passed
from models.registry.registry import Pointer, Registry

DEFAULT_BOUNDS = GateBounds()


class GateError(ConfigurationError):
    """A candidate was refused; carries what every gate said."""

    def __init__(self, version: str, verdicts: list[GateVerdict]) -> None:
        failed = "; ".join(f"{one.gate}: {one.message}" for one in verdicts if not one.passed)
        super().__init__(
            f"{version} was not promoted: {failed}.",
            hint="Look at its report; --force promotes it anyway and says so in the history.",
        )
        self.verdicts = verdicts


def verdicts_of(
    registry: Registry, version: str, bounds: GateBounds = DEFAULT_BOUNDS
) -> list[GateVerdict]:
    """What the gates say about a version, against the present champion.

    Raises:
        ArtifactError: if either of them is missing or damaged.
    """
    candidate = registry.artifact(version)
    metrics: dict[str, object] = candidate.json("metrics.json", dict)
    current = registry.current_version("champion")
    difference, incomparable = None, ""
    if current and current != version:
        champion = registry.artifact(current)
        if comparable(candidate, champion):
            difference = compare(candidate, champion)
        else:
            incomparable = current
    return judge(metrics, difference, bounds, incomparable=incomparable)


def promote(
    registry: Registry,
    version: str,
    *,
    by: str,
    reason: str,
    now_ms: int,
    force: bool = False,
    bounds: GateBounds = DEFAULT_BOUNDS,
) -> tuple[Pointer, list[GateVerdict]]:
    """Make a version champion if it passes the gates, or in spite of them.

    Raises:
        GateError: if a gate refuses it and it is not forced.
        ArtifactError: if it is missing or damaged.
    """
    verdicts = verdicts_of(registry, version, bounds)
    if not passed(verdicts):
        if not force:
            raise GateError(version, verdicts)
        refused = ", ".join(verdict.gate for verdict in verdicts if not verdict.passed)
        reason = f"{reason} (forced past {refused})"
    pointer = registry.point("champion", version, by=by, reason=reason, now_ms=now_ms)
    if registry.current_version("challenger") == version:
        registry.point("challenger", "", by=by, reason="became champion", now_ms=now_ms)
    return pointer, verdicts
