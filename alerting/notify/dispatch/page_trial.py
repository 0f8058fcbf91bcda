"""Who would be paged now for a case with given labels, without any effect.

It asks the same deciders as the dispatch: silences, inhibitions, budget, quiet hours, shifts, and the
channels that have a gateway. The console, the API and the command line show what it finds.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from msgspec import to_builtins
from sqlalchemy.orm import Session

from alerting.db.case_tables import Case
from alerting.notify.dispatch.dispatch_facts import on_call, page_facts
from alerting.notify.dispatch.page_decision import PageReason, decide_page
from alerting.notify.routing.routing_tree import Receiver, Routing, route
from alerting.notify.routing.routing_trial import Trial, trial_of


@dataclass(frozen=True, slots=True)
class PagedPerson:
    """Who gets a page: a responder's subject, or ``team``, and the channel."""

    name: str
    channel: str


@dataclass(frozen=True, slots=True)
class PageTrial:
    """A route of the case, and who is paged; ``until_ms`` ends a silence or quiet hours."""

    route: Trial
    reason: PageReason
    until_ms: int | None
    people: tuple[PagedPerson, ...]


def try_pages(
    session: Session,
    routing: Routing,
    labels: Mapping[str, str],
    *,
    available: frozenset[str],
    now_ms: int,
) -> list[PageTrial]:
    """Walk the tree with labels, and decide on the page of each receiver as things stand now.

    Args:
        session: reads silences, shifts, rotas, open cases and the pages of the last hour.
        routing: the file to try.
        labels: tenant, district, typology and severity.
        available: channels with a gateway; a person on another one gets no page.
        now_ms: UTC milliseconds.
    """
    case = Case(case_id="", **labels)  # never stored: the deciders read its labels
    trials = []
    for match in route(routing, labels):
        receiver = routing.receiver(match.receiver)
        decision = decide_page(page_facts(session, case, routing, match, receiver, now_ms), now_ms)
        people = tuple(
            one for one in _people(session, case, receiver, now_ms) if one.channel in available
        )
        reason: PageReason = decision.reason
        if reason == "paged" and not people:
            reason = "nobody_to_page"
        until_ms = decision.again_ms if reason in ("silenced", "quiet_hours") else None
        trials.append(PageTrial(trial_of(routing, match), reason, until_ms, people))
    return trials


def _people(
    session: Session, case: Case, receiver: Receiver, now_ms: int
) -> tuple[PagedPerson, ...]:
    found = []
    for page in receiver.pages:
        if page.channel == "oncall":
            shifts = on_call(session, case, receiver.team, now_ms)
            found += [PagedPerson(shift.responder, shift.channel) for shift in shifts]
        else:
            found.append(PagedPerson("team", page.channel))
    return tuple(dict.fromkeys(found))


def route_document(route: Trial) -> dict[str, Any]:
    """A route as the API and the command line write it."""
    return asdict(route) | {"escalation": [to_builtins(step) for step in route.escalation]}


def trial_document(trial: PageTrial) -> dict[str, Any]:
    """A route with the reason, and who is paged now."""
    paged = trial.people if trial.reason == "paged" else ()
    return route_document(trial.route) | {
        "reason": trial.reason,
        "until_ms": trial.until_ms,
        "people": [asdict(person) for person in paged],
    }
