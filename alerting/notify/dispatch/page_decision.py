"""Whether a team is paged for a case now: a pure decider with named reasons.

The first page and every step of the escalation ask it. Withholding a page never withholds the case:
it stands in the queue all the same, and its deadline is shown; but who was not to be paged is not
late either, so the chain does not go up meanwhile.
"""

from dataclasses import dataclass
from typing import Literal

PageReason = Literal[
    "paged", "silenced", "inhibited", "team_budget", "quiet_hours", "nobody_to_page"
]


@dataclass(frozen=True, slots=True)
class PageFacts:
    """What the decision depends on; times in UTC milliseconds.

    ``silenced_until_ms``: when the last of the silences that hold ends, None if none holds.
    ``again_seconds``: when to ask again where nothing says when the reason passes.
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
    """Paged, or withheld for this reason and to be asked again at ``again_ms``."""

    reason: PageReason
    again_ms: int | None = None


def decide_page(facts: PageFacts, now_ms: int) -> PageDecision:
    """Decide on one page. Silences and inhibitions hold for every severity, for somebody asked for
    them; budget and quiet hours never hold back a critical case.
    """
    later_ms = now_ms + facts.again_seconds * 1000
    if facts.silenced_until_ms is not None:
        return PageDecision("silenced", facts.silenced_until_ms)
    if facts.inhibited:
        return PageDecision("inhibited", later_ms)
    if facts.severity == "critical":
        return PageDecision("paged")
    if facts.pages_in_last_hour >= facts.pages_per_hour:
        return PageDecision("team_budget", later_ms)
    if facts.quiet_until_ms is not None:
        return PageDecision("quiet_hours", facts.quiet_until_ms)
    return PageDecision("paged")
