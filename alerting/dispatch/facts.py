"""Gather from the database what the deciders of the dispatch want to know."""

from collections.abc import Sequence

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from alerting.cases.lifecycle import OPEN_STATES
from alerting.db.cases import Case, CaseEvent, Relative, Warning_
from alerting.db.dispatch import Delivery, Shift, Silence
from alerting.dispatch.page import PageFacts
from alerting.dispatch.quiet import quiet_until_ms
from alerting.dispatch.reach import Reachability
from alerting.routing.labels import labels_of, matches
from alerting.routing.tree import Receiver, Routing
from alerting.timers.schedule import PAGE

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
MAX_INHIBITORS = 200


def reachability(
    session: Session, case: Case, available: frozenset[str], *, budget_per_day: int, now_ms: int
) -> Reachability:
    """What is known of how the person of a case can be reached."""
    mine = Delivery.case_id == case.case_id
    unanswered = session.scalar(
        select(func.count()).where(
            mine,
            Delivery.recipient == "victim",
            Delivery.channel == "voice",
            Delivery.state.in_(("unanswered", "failed")),
        )
    )
    failed = session.scalar(
        select(func.count()).where(
            CaseEvent.case_id == case.case_id, CaseEvent.kind == "contact_failed"
        )
    )
    messages = session.scalar(
        select(func.count()).where(
            Delivery.tenant == case.tenant,
            Delivery.subscriber == case.subscriber,
            Delivery.recipient == "victim",
            Delivery.state.not_in(("cancelled", "failed")),
            Delivery.created_at_ms > now_ms - DAY_MS,
        )
    )
    transfers = session.scalars(
        select(Warning_.subject_id)
        .where(
            Warning_.case_id == case.case_id,
            Warning_.subject_kind == "transfer",
            Warning_.subject_status == "attempted",
            Warning_.action != "withdraw",
        )
        .order_by(Warning_.subject_id)
    )
    relatives = session.scalars(
        select(Relative.phone)
        .where(Relative.tenant == case.tenant, Relative.subscriber == case.subscriber)
        .order_by(Relative.phone)
    )
    return Reachability(
        severity=case.severity,
        on_call=case.on_call,
        forwarding_on=case.forwarding_on,
        no_answers=(unanswered or 0) + (failed or 0),
        transfers=tuple(transfers),
        relatives=tuple(relatives),
        available=available,
        messages_left=budget_per_day - (messages or 0),
    )


def page_facts(
    session: Session, case: Case, routing: Routing, receiver: Receiver, now_ms: int
) -> PageFacts:
    """What is known of whether a team is to be paged for a case."""
    pages = session.scalar(
        select(func.count(func.distinct(Delivery.case_id))).where(
            Delivery.team == receiver.team,
            Delivery.tenant == case.tenant,
            Delivery.purpose == PAGE,
            Delivery.state != "cancelled",
            Delivery.created_at_ms > now_ms - HOUR_MS,
        )
    )
    quiet = routing.quiet_hours
    until = None
    if quiet is not None and case.severity in quiet.severities:
        until = quiet_until_ms(quiet.start, quiet.end, quiet.timezone, now_ms)
    return PageFacts(
        severity=case.severity,
        silenced=silence_for(session, case, now_ms) is not None,
        inhibited=is_inhibited(session, case, routing),
        pages_in_last_hour=pages or 0,
        pages_per_hour=receiver.pages_per_hour,
        quiet_until_ms=until,
    )


def silence_for(session: Session, case: Case, now_ms: int) -> Silence | None:
    """A silence that holds for a case now."""
    labels = labels_of(case)
    holding = select(Silence).where(
        Silence.tenant == case.tenant,
        Silence.starts_at_ms <= now_ms,
        Silence.expires_at_ms > now_ms,
    )
    return next((row for row in session.scalars(holding) if matches(row.matchers, labels)), None)


def is_inhibited(session: Session, case: Case, routing: Routing) -> bool:
    """Whether another open case speaks for this one."""
    labels = labels_of(case)
    rules = [rule for rule in routing.inhibit if matches(rule.target, labels)]
    for rule in rules:
        others = session.scalars(
            select(Case)
            .where(
                Case.case_id != case.case_id,
                Case.state.in_(OPEN_STATES),
                Case.withdrawn.is_(False),
                *(getattr(Case, label) == labels[label] for label in rule.equal),
            )
            .limit(MAX_INHIBITORS)
        )
        for other in others:
            theirs = labels_of(other)
            same = all(labels[label] and theirs[label] == labels[label] for label in rule.equal)
            if same and matches(rule.source, theirs):
                return True
    return False


def on_call(session: Session, case: Case, team: str, now_ms: int) -> Sequence[Shift]:
    """Who is on shift for the case's district; a shift of a longer district code is nearer, and
    only the nearest ones are called. An empty code stands for every district."""
    rows = session.scalars(
        select(Shift).where(
            Shift.tenant == case.tenant,
            Shift.team == team,
            Shift.starts_at_ms <= now_ms,
            Shift.ends_at_ms > now_ms,
            or_(
                Shift.district == "",
                Shift.district == func.substr(case.district, 1, func.length(Shift.district)),
            ),
        )
    ).all()
    nearest = max((len(row.district) for row in rows), default=0)
    return sorted(
        (row for row in rows if len(row.district) == nearest), key=lambda row: row.shift_id
    )
