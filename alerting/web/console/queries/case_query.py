"""Everything about one case: the case, its warnings and reasons, its story and its neighbours."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from alerting.access import Principal, Scope, UnmaskDecision, may_unmask
from alerting.cases.lifecycle import HELD_STATES
from alerting.db.case_tables import Case, CaseEvent, EmergencyContact, Warning_
from alerting.db.contact_tables import Activity, Sweep, SweepTarget
from alerting.db.dispatch_tables import Delivery
from alerting.db.order_tables import Order
from alerting.orders.order_queries import orders_in
from alerting.orders.order_states import STATES
from alerting.service_errors import NotFoundError
from alerting.web.console.queries.queue_query import Countdown, countdown_of

DAY_MS = 86_400_000
STORY_LIMIT = 250
STORY_DAYS_BEFORE = 14
LINKED_LIMIT = 12
REASONS_SHOWN = 8
TOUCHED_LIMIT = 100


@dataclass(frozen=True, slots=True)
class ReasonRow:
    """A reason of the model: code, value, and share of the strongest reason (0 to 1)."""

    code: str
    value: float | None
    share: float


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment in the story of a case; ``facts`` fill its text."""

    at_ms: int
    kind: str  # call, transfer, line, warning, step, delivery
    name: str
    actor: str = ""
    facts: dict[str, object] = field(default_factory=dict)


class SeenCase(NamedTuple):
    """The state of a page: a fingerprint for each part that refreshes by itself.

    Words are compared and never read. What is half written in a part is lost when that part is
    drawn again, so a part's fingerprint changes only with what the part shows.
    """

    story: str
    person: str
    outcome: str
    orders: str

    @classmethod
    def of(cls, text: str) -> "SeenCase":
        """Parse the state that a page sends back; a malformed one is empty."""
        words = text.split(".")
        return cls(*words) if len(words) == len(cls._fields) else cls("", "", "", "")

    def __str__(self) -> str:
        return ".".join(self)

    def changed(self, now: "SeenCase") -> list[str]:
        """The parts to draw again."""
        return [name for name in self._fields if getattr(self, name) != getattr(now, name)]


@dataclass(frozen=True, slots=True)
class CaseDetail:
    """A case as its page shows it."""

    case: Case
    countdown: Countdown
    mine: bool
    free: bool
    unmask: UnmaskDecision
    warnings: list[Warning_]
    reasons: list[ReasonRow]
    story: list[Moment]
    linked: list[Case]
    deliveries: list[Delivery]
    relatives: list[EmergencyContact]
    touched: list[SweepTarget]
    orders: list[Order]
    may_close: bool
    newest_event_no: int

    @property
    def seen(self) -> SeenCase:
        """The state of the page, which it sends back to ask for changes."""
        return _seen(self)

    @property
    def is_open(self) -> bool:
        """Whether the case is open."""
        return self.case.state != "closed"

    @property
    def transfers(self) -> list[Warning_]:
        """The transfers with a warning, newest first; a loss may name one of them."""
        return [row for row in self.warnings if row.subject_kind == "transfer"]

    @property
    def payer(self) -> str | None:
        """The account that the money would leave, if a warning names it."""
        return next((row.payer for row in self.warnings if row.payer), None)


def _seen(view: "CaseDetail") -> SeenCase:
    """The state of this case's page, part by part."""
    case = view.case
    person = (
        case.on_call, case.forwarding_on, case.caller, case.payee, view.payer, view.is_open,
        view.unmask.reason, [row.phone for row in view.relatives],
    )  # fmt: skip
    ended = (case.disposition, case.prevented_minor, case.lost_minor, case.duplicate_of)
    return SeenCase(
        story=f"{case.version}-{view.newest_event_no}",
        person=_digest(person),
        outcome=_digest((view.is_open, view.may_close) if view.is_open else ended),
        orders=_digest([(row.order_id, row.state, row.expires_at_ms) for row in view.orders]),
    )


def _digest(shown: object) -> str:
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:12]


def load_case(session: Session, case_id: str, who: Principal, now_ms: int) -> CaseDetail:
    """Read a case in the scope of a person.

    Raises:
        NotFoundError: there is none, or not for them.
    """
    found = find_case(session, case_id, who)
    warnings = list(
        session.scalars(
            select(Warning_)
            .where(Warning_.case_id == case_id)
            .order_by(Warning_.event_time_ms.desc(), Warning_.warning_id)
        )
    )
    deliveries = list(
        session.scalars(
            select(Delivery)
            .where(Delivery.case_id == case_id)
            .order_by(Delivery.created_at_ms)
            .limit(STORY_LIMIT)
        )
    )
    relatives = select(EmergencyContact).where(
        EmergencyContact.tenant == found.tenant, EmergencyContact.subscriber == found.subscriber
    )
    return CaseDetail(
        case=found,
        countdown=countdown_of(found, now_ms),
        mine=found.holder == who.subject,
        free=found.holder is None,
        unmask=unmask_decision(found, who),
        warnings=warnings,
        reasons=reasons_of(warnings),
        story=_story(session, found, deliveries),
        linked=_linked(session, found, warnings, who),
        deliveries=deliveries,
        relatives=list(session.scalars(relatives.order_by(EmergencyContact.added_at_ms))),
        touched=_touched(session, found, who),
        orders=orders_in(session, who.scope, states=STATES, case_id=case_id),
        may_close=(
            who.may("case.work")
            and found.state in HELD_STATES
            and (found.holder == who.subject or who.may("case.assign"))
        ),
        newest_event_no=newest_event_no(session, case_id),
    )


def find_case(session: Session, case_id: str, who: Principal) -> Case:
    """The case itself.

    Raises:
        NotFoundError: there is none, or not for them.
    """
    found = session.scalar(
        select(Case).where(Case.case_id == case_id, who.scope.condition(Case.tenant, Case.district))
    )
    if found is None:
        raise NotFoundError("case", case_id)
    return found


def newest_event_no(session: Session, case_id: str) -> int:
    """The number of the newest event of a case.

    What becomes of a delivery is in the history but does not raise the version: a page that looked
    at the version alone would not show that the bank has confirmed.
    """
    newest = select(func.max(CaseEvent.event_no)).where(CaseEvent.case_id == case_id)
    return session.scalar(newest) or 0


def unmask_decision(found: Case, who: Principal) -> UnmaskDecision:
    """Whether this person may see the numbers of this case."""
    return may_unmask(
        who,
        tenant=found.tenant,
        district=found.district,
        holder=found.holder,
        is_open=found.state != "closed",
    )


def reasons_of(warnings: Sequence[Warning_]) -> list[ReasonRow]:
    """The strongest reasons over the warnings in force, each once."""
    strongest: dict[str, tuple[float, float | None]] = {}
    for row in warnings:
        if row.action == "withdraw":
            continue
        for reason in row.reasons:
            weight = float(reason.get("contribution", 0.0))
            if reason["code"] not in strongest or weight > strongest[reason["code"]][0]:
                strongest[reason["code"]] = (weight, reason.get("value"))
    top = max((weight for weight, _ in strongest.values()), default=0.0)
    ordered = sorted(strongest.items(), key=lambda item: (-item[1][0], item[0]))
    return [
        ReasonRow(code, value, max(0.0, weight / top) if top > 0 else 0.0)
        for code, (weight, value) in ordered[:REASONS_SHOWN]
    ]


def _story(session: Session, found: Case, deliveries: Sequence[Delivery]) -> list[Moment]:
    """Calls, transfers, warnings, messages and steps, newest first."""
    since_ms = found.first_event_ms - STORY_DAYS_BEFORE * DAY_MS
    activity = session.scalars(
        select(Activity)
        .where(
            Activity.tenant == found.tenant,
            Activity.subscriber == found.subscriber,
            Activity.at_ms >= since_ms,
        )
        .order_by(Activity.at_ms.desc())
        .limit(STORY_LIMIT)
    )
    steps = session.scalars(
        select(CaseEvent)
        .where(CaseEvent.case_id == found.case_id)
        .order_by(CaseEvent.event_no.desc())
        .limit(STORY_LIMIT)
    )
    moments = [_of_activity(row) for row in activity]
    moments += [_of_event(row) for row in steps]
    moments += [
        Moment(
            row.sent_at_ms or row.created_at_ms,
            "delivery",
            row.channel,
            facts={"recipient": row.recipient, "state": row.state, "reason": row.reason},
        )
        for row in deliveries
    ]
    moments.sort(key=lambda moment: moment.at_ms, reverse=True)
    return moments[:STORY_LIMIT]


def _of_event(row: CaseEvent) -> Moment:
    kind = "warning" if row.kind.startswith("warning_") else "step"
    return Moment(row.at_ms, kind, row.kind, actor=row.actor, facts=row.detail)


def _of_activity(row: Activity) -> Moment:
    return Moment(
        row.at_ms,
        row.kind,
        row.status,
        facts={
            "direction": row.direction,
            "peer": row.peer,
            "amount_minor": row.amount_minor,
            "currency": row.currency,
            "duration_ms": row.duration_ms,
        },
    )


def _linked(
    session: Session, found: Case, warnings: Sequence[Warning_], who: Principal
) -> list[Case]:
    """Other cases in scope that share a caller or a payee, newest first."""
    callers = {row.caller for row in warnings if row.caller}
    payees = {row.payee for row in warnings if row.payee}
    shares = []
    if callers:
        shares.append(Warning_.caller.in_(sorted(callers)))
    if payees:
        shares.append(Warning_.payee.in_(sorted(payees)))
    if not shares:
        return []
    ids = select(Warning_.case_id).where(
        Warning_.tenant == found.tenant, or_(*shares), Warning_.case_id != found.case_id
    )
    return list(
        session.scalars(
            select(Case)
            .where(Case.case_id.in_(ids), who.scope.condition(Case.tenant, Case.district))
            .order_by(Case.opened_at_ms.desc())
            .limit(LINKED_LIMIT)
        )
    )


def _touched(session: Session, found: Case, who: Principal) -> list[SweepTarget]:
    """Other people in scope whom the swindler of this case reached, nearest first."""
    # The sweep belongs to the case's tenant, which is in scope, so only districts are checked.
    districts = Scope(None, who.scope.districts)
    statement = (
        select(SweepTarget)
        .join(Sweep, Sweep.sweep_id == SweepTarget.sweep_id)
        .where(
            Sweep.case_id == found.case_id,
            Sweep.tenant == found.tenant,
            districts.condition(Sweep.tenant, SweepTarget.district),
        )
        .order_by(SweepTarget.degree, SweepTarget.subscriber, SweepTarget.sweep_id)
        .limit(TOUCHED_LIMIT)
    )
    return list(session.scalars(statement))
