"""The route of a case on trial, from a routing file alone and without any effect."""

from collections.abc import Mapping
from dataclasses import dataclass

from alerting.notify.routing.routing_tree import Escalation, Match, Routing, route


@dataclass(frozen=True, slots=True)
class Trial:
    """One receiver of a case: its team, the path to it, its pages and its chain."""

    receiver: str
    team: str
    path: str
    pages: tuple[str, ...]
    group_by: tuple[str, ...]
    group_wait_seconds: float
    escalation: tuple[Escalation, ...]


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
        escalation=match.escalate,
    )
