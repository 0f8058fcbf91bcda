"""Acts on due timers by writing deliveries, in the timer's transaction.

``alerting.notify.dispatch.delivery_sender`` sends them afterwards, so a crash between deciding and
sending neither loses nor repeats a delivery.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerting.cases.follow_up import owed
from alerting.cases.history import CaseHistory
from alerting.cases.history.audit_actions import AuditAction
from alerting.cases.lifecycle import HELD_STATES, TEXT_ONLY, WAITING_STATES
from alerting.cases.severity import is_grave
from alerting.cases.timers import timer_schedule
from alerting.db.case_tables import Case, CaseEvent
from alerting.db.dispatch_tables import Delivery
from alerting.notify.dispatch import dispatch_facts
from alerting.notify.dispatch.channel_selection import Action, select_channels, select_text
from alerting.notify.dispatch.delivery_composer import DeliveryComposer, DispatchOptions
from alerting.notify.dispatch.delivery_rows import ORDER_ALARM, Intent, write_deliveries
from alerting.notify.dispatch.escalation import MAX_LEVEL, decide_escalation
from alerting.notify.dispatch.page_decision import PageDecision, decide_page
from alerting.notify.dispatch.protection_failures import (
    Protection,
    ProtectionFailure,
    decide_protection_failures,
    unconfirmed_at_ms,
)
from alerting.notify.routing.case_labels import labels_of
from alerting.notify.routing.routing_source import RoutingSource
from alerting.notify.routing.routing_tree import Match, Receiver, Routing, route
from alerting.orders.order_rows import open_for

ACTOR = "system:dispatch"
WITHHELD: AuditAction = "escalation_withheld"


class DispatchService:
    """Handles the timers of cases; every handler returns when the timer is due again, or None."""

    def __init__(self, routing: RoutingSource, options: DispatchOptions) -> None:
        self._routing = routing
        self._options = options
        self._composer = DeliveryComposer(options)

    def dispatch(self, session: Session, case: Case, now_ms: int) -> int | None:
        """Page the teams, protect the victim, and alert about failed protection.

        The timer is due again when a withheld page may go out, or when an order without a
        confirmation becomes late.
        """
        if case.state == "closed" or case.withdrawn:
            return None
        if case.state == TEXT_ONLY:
            self._send_text(session, case, now_ms)
            return None
        routing = self._routing.current
        found = route(routing, labels_of(case))
        pages, withheld = self._pages(session, case, routing, found, now_ms)
        known = dispatch_facts.protections(session, case)
        actions = self._actions(session, case, routing, known, now_ms)
        first = routing.receiver(found[0].receiver)
        intents = [
            *pages,
            *self._composer.protection(case, actions),
            *self._trace(session, case, routing, found[0], now_ms),
            *self._failure_alerts(
                session, case, routing, found[0], known, actions, withheld, now_ms
            ),
        ]
        written = write_deliveries(session, case, intents, self._options.language, now_ms)
        open_for(session, case, written, self._options.orders, now_ms)
        case.team = case.team or first.team
        if case.state == "new" or written:
            case.state = "dispatched" if case.state == "new" else case.state
            case.version += 1
            detail = {
                "receivers": [match.receiver for match in found],
                "deliveries": _summary_of(written),
                "withheld": {name: decision.reason for name, decision in withheld.items()},
            }
            _record(session, case, "dispatched", detail, now_ms)
        self._tighten(session, case, now_ms)
        again = [decision.again_ms for decision in withheld.values()]
        again.append(unconfirmed_at_ms(dispatch_facts.protections(session, case), now_ms))
        return min((at_ms for at_ms in again if at_ms is not None), default=None)

    def deadline(self, session: Session, case: Case, now_ms: int) -> int | None:
        """Page the next receiver of the chain after the deadline."""
        if case.state not in WAITING_STATES or case.withdrawn:
            return None
        routing = self._routing.current
        match = route(routing, labels_of(case))[0]
        step = decide_escalation(
            case.escalation_level,
            match.escalate,
            # If no page could be delivered, the chain begins before the deadline.
            deadline_ms=min(case.deadline_ms, now_ms),
            repeat_seconds=match.repeat_seconds,
            now_ms=now_ms,
        )
        if step.reason == "not_due_yet":
            return step.next_ms
        receiver = routing.receiver(step.receiver or match.receiver)
        decision = self._decide(session, case, routing, match, receiver, now_ms)
        if decision.again_ms is not None:
            return self._hold_back(session, case, receiver, decision, now_ms)
        if step.next_ms is None:  # the end of the chain: the case stays in the overdue list
            return None
        case.version += 1
        case.escalation_level = step.level
        intents = self._composer.escalation(session, case, receiver, step.reason, now_ms)
        written = write_deliveries(session, case, intents, self._options.language, now_ms)
        detail = {
            "level": step.level,
            "receiver": receiver.name,
            "reason": step.reason,
            "deliveries": _summary_of(written),
        }
        _record(session, case, "escalated", detail, now_ms)
        return step.next_ms

    def follow_up(self, session: Session, case: Case, now_ms: int) -> int | None:
        """Alert the supervisors, up the chain, when the holder's next step is late."""
        if case.state not in HELD_STATES or case.follow_up_due_ms is None:
            return None
        again_ms = self._options.follow_ups.due_ms(case.state, case.severity, now_ms)
        if case.withdrawn:  # it still has to be closed, and its warning may come back
            return again_ms
        if now_ms < case.follow_up_due_ms:
            return case.follow_up_due_ms
        if case.follow_up_level >= MAX_LEVEL:
            return None
        routing = self._routing.current
        match = route(routing, labels_of(case))[0]
        step = min(case.follow_up_level, len(match.escalate) - 1)
        receiver = routing.receiver(match.escalate[step].receiver if step >= 0 else match.receiver)
        decision = self._decide(session, case, routing, match, receiver, now_ms)
        if decision.again_ms is not None:
            return decision.again_ms
        case.version += 1
        case.follow_up_level += 1
        problem = owed(case.state)
        intents = self._composer.follow_up(session, case, receiver, problem, now_ms)
        written = write_deliveries(session, case, intents, self._options.language, now_ms)
        detail = {
            "level": case.follow_up_level,
            "receiver": receiver.name,
            "reason": problem,
            "holder": case.holder,
            "deliveries": _summary_of(written),
        }
        _record(session, case, "follow_up_missed", detail, now_ms)
        return again_ms

    def alert(self, session: Session, case: Case, reason: str, key: str, now_ms: int) -> None:
        """Alert the holder of a case, or its team, to the state of an order, once for each key.

        No silence, budget or quiet hour holds it back: the time of an order is the law's.
        """
        routing = self._routing.current
        receiver = routing.receiver(route(routing, labels_of(case))[0].receiver)
        failures = [ProtectionFailure(reason, key)]
        intents = self._composer.failure_alerts(
            session, case, receiver, failures, now_ms, purpose=ORDER_ALARM
        )
        write_deliveries(session, case, intents, self._options.language, now_ms)

    def _send_text(self, session: Session, case: Case, now_ms: int) -> None:
        """Send the text of a low warning, together with others of its tenant and typology."""
        facts = dispatch_facts.reachability(
            session, case, self._routing.current, self._options.available, (),
            budget_per_day=self._options.budget_per_day, now_ms=now_ms,
        )  # fmt: skip
        intents = self._composer.mass_text(case, select_text(facts))
        written = write_deliveries(session, case, intents, self._options.language, now_ms)
        case.version += 1
        detail: dict[str, object] = {
            "receivers": [],
            "deliveries": _summary_of(written),
            "withheld": {} if intents else {"victim": "had_enough_messages"},
        }
        _record(session, case, "dispatched", detail, now_ms)

    def _trace(
        self, session: Session, case: Case, routing: Routing, match: Match, now_ms: int
    ) -> list[Intent]:
        """The page that has the money of an extreme case followed at once, held or not."""
        if case.severity != "extreme":
            return []
        receiver = routing.receiver(routing.trace or match.receiver)
        return self._composer.trace(session, case, receiver, now_ms)

    def _tighten(self, session: Session, case: Case, now_ms: int) -> None:
        """Shorten the holder's time when the severity of the case rose."""
        if case.state not in HELD_STATES or case.follow_up_due_ms is None:
            return
        due_ms = self._options.follow_ups.due_ms(case.state, case.severity, now_ms)
        if due_ms < case.follow_up_due_ms:
            case.version += 1
            timer_schedule.follow_up(session, case, due_ms)

    def _pages(
        self,
        session: Session,
        case: Case,
        routing: Routing,
        found: Sequence[Match],
        now_ms: int,
    ) -> tuple[list[Intent], dict[str, PageDecision]]:
        """The pages of a waiting case, and the decisions that withhold pages from some receivers."""
        intents: list[Intent] = []
        withheld: dict[str, PageDecision] = {}
        if case.state not in WAITING_STATES:
            return intents, withheld
        for match in found:
            receiver = routing.receiver(match.receiver)
            decision = self._decide(session, case, routing, match, receiver, now_ms)
            later_ms = decision.again_ms if decision.reason == "quiet_hours" else None
            if decision.again_ms is not None and later_ms is None:
                withheld[match.receiver] = decision
                continue
            pages = self._composer.first_page(
                session,
                case,
                match,
                receiver,
                decision.reason,
                not_before_ms=later_ms or now_ms,
                now_ms=now_ms,
            )
            if not pages:
                withheld[match.receiver] = PageDecision("nobody_to_page")
            intents += pages
        return intents, withheld

    def _actions(
        self,
        session: Session,
        case: Case,
        routing: Routing,
        known: Sequence[Protection],
        now_ms: int,
    ) -> list[Action]:
        reachability = dispatch_facts.reachability(
            session,
            case,
            routing,
            self._options.available,
            known,
            budget_per_day=self._options.budget_per_day,
            now_ms=now_ms,
        )
        actions = select_channels(reachability)
        if case.state == "in_contact":  # the responder talks to the victim already
            return [action for action in actions if action.channel == "bank"]
        return actions

    def _failure_alerts(
        self,
        session: Session,
        case: Case,
        routing: Routing,
        match: Match,
        known: Sequence[Protection],
        actions: Sequence[Action],
        withheld: Mapping[str, PageDecision],
        now_ms: int,
    ) -> list[Intent]:
        """Alerts about failed protection: always to a holder, to a team only if it may be paged."""
        if match.receiver in withheld:
            return []
        grave = is_grave(case.severity)
        failures = decide_protection_failures(known, actions, grave=grave, now_ms=now_ms)
        if (
            case.round
            and case.state in HELD_STATES
            and not dispatch_facts.was_notified(session, case)
        ):
            failures.append(ProtectionFailure("warning_came_back", str(case.round)))
        receiver = routing.receiver(match.receiver)
        return self._composer.failure_alerts(session, case, receiver, failures, now_ms)

    @staticmethod
    def _decide(
        session: Session,
        case: Case,
        routing: Routing,
        match: Match,
        receiver: Receiver,
        now_ms: int,
    ) -> PageDecision:
        found = dispatch_facts.page_facts(session, case, routing, match, receiver, now_ms)
        return decide_page(found, now_ms)

    def _hold_back(
        self,
        session: Session,
        case: Case,
        receiver: Receiver,
        decision: PageDecision,
        now_ms: int,
    ) -> int:
        """Withhold a step of the chain; a team that was not paged yet gets its full time later."""
        again_ms = decision.again_ms or now_ms
        if case.escalation_level == 0:
            again_ms = self._options.deadlines.deadline_ms(case.severity, again_ms)
        last = session.scalar(
            select(CaseEvent)
            .where(
                CaseEvent.case_id == case.case_id,
                CaseEvent.kind.in_(("escalated", WITHHELD)),
            )
            .order_by(CaseEvent.event_no.desc())
            .limit(1)
        )
        if last is None or (last.kind, last.detail["reason"]) != (WITHHELD, decision.reason):
            case.version += 1
            detail = {
                "receiver": receiver.name,
                "reason": decision.reason,
                "until_ms": again_ms,
            }
            _record(session, case, WITHHELD, detail, now_ms)
        return again_ms


def _record(
    session: Session, case: Case, action: AuditAction, detail: dict[str, object], now_ms: int
) -> None:
    CaseHistory(session, ACTOR, now_ms).record(case.case_id, action, detail)


def _summary_of(written: Sequence[Delivery]) -> list[list[str]]:
    return [[row.channel, row.recipient, row.reason] for row in written]
