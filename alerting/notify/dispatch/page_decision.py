"""Whether a team is paged for a case now: a pure decider with named reasons.

The first page and every step of the escalation use it. A withheld page never hides the case: it
stays in the queue with its deadline. While its page is withheld a team is not late, so the chain does
not go up.
"""

from dataclasses import dataclass
from typing import Literal

from alerting.cases.severity import is_critical

PageReason = Literal[
    "paged", "silenced", "inhibited", "team_budget", "quiet_hours", "nobody_to_page"
]


@dataclass(frozen=True, slots=True)
class PageFacts:
    """The facts that the decision depends on; times in UTC milliseconds.

    ``silenced_until_ms`` is the end of the last silence, None without one. ``again_seconds`` is the
    pause before the next decision where the end of the reason is not known.
    """

    severity: str
    silenced_until_ms: int | None
    inhibited: bool
    pages_in_last_hour: int
    pages_per_hour: int
    quiet_until_ms: int | None
    again_seconds: int


@dataclass(frozen=True, slots=True)
class PageDecision:
    """Paged, or withheld for this reason until the next decision at ``again_ms``."""

    reason: PageReason
    again_ms: int | None = None


def decide_page(facts: PageFacts, now_ms: int) -> PageDecision:
    """Decide on one page.

    Silences and inhibitions apply to every severity, since people set them; budget and quiet hours
    never withhold the page of a critical or extreme case.
    """
    later_ms = now_ms + facts.again_seconds * 1000
    if facts.silenced_until_ms is not None:
        return PageDecision("silenced", facts.silenced_until_ms)
    if facts.inhibited:
        return PageDecision("inhibited", later_ms)
    if is_critical(facts.severity):
        return PageDecision("paged")
    if facts.pages_in_last_hour >= facts.pages_per_hour:
        return PageDecision("team_budget", later_ms)
    if facts.quiet_until_ms is not None:
        return PageDecision("quiet_hours", facts.quiet_until_ms)
    return PageDecision("paged")
