"""Whether a team is paged for a case now: a pure decider with named reasons.

Withholding a page never withholds the case: it stands in the queue all the same, and its deadline
runs.
"""

from dataclasses import dataclass
from typing import Literal

PageReason = Literal["paged", "silenced", "inhibited", "team_budget", "quiet_hours"]


@dataclass(frozen=True, slots=True)
class PageFacts:
    """What the decision depends on; times in UTC milliseconds."""

    severity: str
    silenced: bool
    inhibited: bool
    pages_in_last_hour: int
    pages_per_hour: int
    quiet_until_ms: int | None


@dataclass(frozen=True, slots=True)
class PageDecision:
    """``not_before_ms`` None: no page at all, for this reason."""

    reason: PageReason
    not_before_ms: int | None


def decide_page(facts: PageFacts, now_ms: int) -> PageDecision:
    """Decide on one page. Silences and inhibitions hold for every severity, for somebody asked for
    them; budget and quiet hours never hold back a critical case.
    """
    if facts.silenced:
        return PageDecision("silenced", None)
    if facts.inhibited:
        return PageDecision("inhibited", None)
    if facts.severity == "critical":
        return PageDecision("paged", now_ms)
    if facts.pages_in_last_hour >= facts.pages_per_hour:
        return PageDecision("team_budget", None)
    if facts.quiet_until_ms is not None:
        return PageDecision("quiet_hours", facts.quiet_until_ms)
    return PageDecision("paged", now_ms)
