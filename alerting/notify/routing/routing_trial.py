"""Routes a case on trial, without any effect, for the command line and the console."""

from collections.abc import Mapping
from dataclasses import dataclass

from alerting.notify.routing.routing_tree import Match, Routing, route


@dataclass(frozen=True, slots=True)
class Trial:
    """One receiver of a case: its team, the path to it, its pages and its chain."""

    receiver: str
    team: str
    path: str
    pages: tuple[str, ...]
    group_by: tuple[str, ...]
    group_wait_seconds: float
    escalation: tuple[str, ...]


def try_route(routing: Routing, labels: Mapping[str, str]) -> list[Trial]:
    """Walk the tree with labels (tenant, district, typology, severity)."""
    return [trial_of(routing, match) for match in route(routing, labels)]


def trial_of(routing: Routing, match: Match) -> Trial:
    """The receiver of one matching route."""
    receiver = routing.receiver(match.receiver)
    return Trial(
        receiver=receiver.name,
        team=receiver.team,
        path=match.path,
        pages=tuple(page.channel for page in receiver.pages),
        group_by=match.group_by,
        group_wait_seconds=match.group_wait_seconds,
        escalation=tuple(
            f"{step.receiver} after {step.after_seconds} s" for step in match.escalate
        ),
    )
