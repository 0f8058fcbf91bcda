"""Which events of a case's history are steps of its life that other systems hear of: pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from alerting.cases.severity import ORDER

LifeEvent = Literal[
    "opened", "upgraded", "withdrawn", "claimed", "contacted", "closed", "reopened", "appealed"
]
LIFE_EVENTS: tuple[LifeEvent, ...] = get_args(LifeEvent)

_BY_KIND: dict[str, LifeEvent] = {
    "claimed": "claimed",
    "acknowledged": "claimed",
    "assigned": "claimed",
    "contact_made": "contacted",
    "contact_failed": "contacted",
    "closed": "closed",
    "reopened": "reopened",
    "appeal_filed": "appealed",
}
RAISES = ("warning_raised", "warning_updated")
WITHDRAWS = "warning_withdrawn"
KINDS = (*_BY_KIND, *RAISES, WITHDRAWS)
"""The kinds of the history that may be a step; others are passed over without a look."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event of a case's history; ``severity`` is that of its warning, empty without one."""

    event_no: int
    kind: str
    severity: str = ""


def life_event(event: Recorded, before: Sequence[Recorded]) -> LifeEvent | None:
    """The step of the case's life that an event is, None for another one.

    Args:
        event: the event.
        before: the earlier events of the case that concern its warnings.
    """
    if event.kind in _BY_KIND:
        return _BY_KIND[event.kind]
    if event.kind == WITHDRAWS:
        return "withdrawn"
    if event.kind not in RAISES:
        return None
    if event.severity == "low":  # a text, and no case
        return None
    ranks = [
        ORDER.get(one.severity, 0) for one in before if one.kind in RAISES and one.severity != "low"
    ]
    if not ranks:
        return "opened"
    return "upgraded" if ORDER.get(event.severity, 0) > max(ranks) else None
