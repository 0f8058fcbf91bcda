"""Reads the facts that the deciders of the dispatch take from the database."""

from collections.abc import Sequence

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from alerting.cases.contact_records import contacts_of
from alerting.cases.lifecycle import OPEN_STATES
from alerting.cases.timers.timer_schedule import PAGE
from alerting.db.case_tables import Case, EmergencyContact, Warning_
from alerting.db.dispatch_tables import Delivery, Silence
from alerting.db.order_tables import Order
from alerting.notify.dispatch.channel_selection import Reachability
from alerting.notify.dispatch.delivery_rows import ALARM, PROTECT
from alerting.notify.dispatch.page_decision import PageFacts
from alerting.notify.dispatch.protection_failures import Protection
from alerting.notify.dispatch.quiet_hours import quiet_until_ms
from alerting.notify.rota.rota_store import OnCall, on_call_as, on_call_of_team
from alerting.notify.routing.case_labels import labels_of, matches, matching_sql
from alerting.notify.routing.routing_tree import Match, Receiver, Routing
from alerting.orders.order_states import HOLDING

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def protections(session: Session, case: Case) -> list[Protection]:
    """The orders and messages that protect the victim in this round of the case."""
    rows = session.scalars(
        select(Delivery)
        .where(
            Delivery.case_id == case.case_id,
            Delivery.purpose == PROTECT,
            Delivery.round == case.round,
        )
        .order_by(Delivery.created_at_ms, Delivery.delivery_id)
    )
    return [
        Protection(
            delivery_id=row.delivery_id,
            channel=row.channel,
            recipient=row.recipient,
            address=row.address,
            state=row.state,
            created_at_ms=row.created_at_ms,
        )
        for row in rows
    ]


def reachability(
    session: Session,
    case: Case,
    routing: Routing,
    available: frozenset[str],
    known: Sequence[Protection],
    *,
    budget_per_day: int,
    now_ms: int,
) -> Reachability:
    """Facts about how the victim of a case can be reached."""
    unreached: dict[str, frozenset[str]] = {}
    unanswered = 0
    for item in known:
        if item.failed and item.recipient == "relative":
            unreached[item.address] = unreached.get(item.address, frozenset()) | {item.channel}
        unanswered += item.failed and (item.channel, item.recipient) == ("voice", "victim")
    failed = sum(row.kind == "contact_failed" for row in contacts_of(session, case))
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
            Warning_.subject_id.not_in(_stopped_by_people(case)),
        )
        .order_by(Warning_.subject_id)
    )
    relatives = session.scalars(
        select(EmergencyContact.phone)
        .where(
            EmergencyContact.tenant == case.tenant, EmergencyContact.subscriber == case.subscriber
        )
        .order_by(EmergencyContact.phone)
    )
    return Reachability(
        severity=case.severity,
        on_call=case.on_call,
        forwarding_on=case.forwarding_on,
        no_answers=unanswered + failed,
        transfers=tuple(transfers),
        relatives=tuple(relatives),
        available=available,
        messages_left=budget_per_day - (messages or 0),
        unreached=unreached,
        quiet_until_ms=quiet_until(routing, case, now_ms),
    )


def _stopped_by_people(case: Case) -> Select[str]:
    """The transfers that an order of a person holds already."""
    return select(Order.transfer_id).where(
        Order.case_id == case.case_id,
        Order.kind == "hold_transfer",
        Order.state.in_(HOLDING),
        Order.source != "dispatch",
    )


def page_facts(
    session: Session, case: Case, routing: Routing, match: Match, receiver: Receiver, now_ms: int
) -> PageFacts:
    """Facts about whether a team is paged for a case.

    The budget counts other cases only, so that the escalation of a case is not held back by its
    own pages.
    """
    pages = session.scalar(
        select(func.count(func.distinct(Delivery.case_id))).where(
            Delivery.team == receiver.team,
            Delivery.tenant == case.tenant,
            Delivery.purpose == PAGE,
            Delivery.case_id != case.case_id,
            Delivery.state != "cancelled",
            Delivery.created_at_ms > now_ms - HOUR_MS,
        )
    )
    return PageFacts(
        severity=case.severity,
        silenced_until_ms=silenced_until(session, case, now_ms),
        inhibited=is_inhibited(session, case, routing),
        pages_in_last_hour=pages or 0,
        pages_per_hour=receiver.pages_per_hour,
        quiet_until_ms=quiet_until(routing, case, now_ms),
        again_seconds=match.repeat_seconds,
    )


def quiet_until(routing: Routing, case: Case, now_ms: int) -> int | None:
    """When the quiet hours for the severity of a case end, in UTC ms; None outside them."""
    quiet = routing.quiet_hours
    # A text to many people never wakes them, whichever severities the quiet hours name.
    if quiet is None or case.severity not in ("low", *quiet.severities):
        return None
    return quiet_until_ms(quiet.start, quiet.end, quiet.timezone, now_ms)


def silenced_until(session: Session, case: Case, now_ms: int) -> int | None:
    """When the last of the silences of a case ends, in UTC ms; None without one."""
    labels = labels_of(case)
    holding = select(Silence).where(
        Silence.tenant == case.tenant,
        Silence.state == "active",
        Silence.starts_at_ms <= now_ms,
        Silence.expires_at_ms > now_ms,
    )
    fitting = (row for row in session.scalars(holding) if matches(row.matchers, labels))
    return max((row.expires_at_ms for row in fitting), default=None)


def is_inhibited(session: Session, case: Case, routing: Routing) -> bool:
    """Whether another open case of the tenant inhibits the pages of this one."""
    labels = labels_of(case)
    rules = [
        rule
        for rule in routing.inhibit
        if matches(rule.target, labels) and all(labels[label] for label in rule.equal)
    ]
    return any(
        session.scalar(
            select(Case.case_id)
            .where(
                Case.case_id != case.case_id,
                Case.tenant == case.tenant,
                Case.state.in_(OPEN_STATES),
                Case.withdrawn.is_(False),
                *(getattr(Case, label) == labels[label] for label in rule.equal),
                *matching_sql(rule.source),
            )
            .limit(1)
        )
        for rule in rules
    )


def was_notified(session: Session, case: Case) -> bool:
    """Whether a page or an alert was written in this round of the case."""
    found = session.scalar(
        select(Delivery.delivery_id)
        .where(
            Delivery.case_id == case.case_id,
            Delivery.round == case.round,
            Delivery.purpose.in_((PAGE, ALARM)),
        )
        .limit(1)
    )
    return found is not None


def shifts_of(session: Session, case: Case, responder: str, now_ms: int) -> Sequence[OnCall]:
    """The shifts and rotas by which a responder is on call now, with their addresses."""
    return on_call_as(session, case.tenant, responder, now_ms)


def on_call(session: Session, case: Case, team: str, now_ms: int) -> Sequence[OnCall]:
    """Who of a team is on call for the case's district, nearest first (see ``on_call_of_team``)."""
    return on_call_of_team(session, case.tenant, team, case.district, now_ms)
