"""The dispatch desk: acts on due timers by writing deliveries, in the timer's transaction.

Nothing is sent here. What is written here is sent by ``alerting.dispatch.courier``, so a crash
between deciding and sending loses nothing and repeats nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from alerting import audit
from alerting.audit import AuditEntry
from alerting.cases.lifecycle import WAITING_STATES
from alerting.cases.severity import Deadlines
from alerting.db.cases import Case, CaseEvent
from alerting.db.dispatch import Delivery
from alerting.db.engine import Database
from alerting.dispatch import facts
from alerting.dispatch.escalate import decide_escalation
from alerting.dispatch.page import decide_page
from alerting.dispatch.reach import Action, decide_reach
from alerting.dispatch.templates import Language, money, severity_name, typology_name
from alerting.dispatch.write import Intent, write_deliveries
from alerting.routing.labels import labels_of
from alerting.routing.source import RoutingSource
from alerting.routing.tree import Match, Receiver, Routing, route
from alerting.timers.schedule import DEADLINE, PAGE, set_timer

ACTOR = "system:dispatch"
PROTECT = "protect"
"""Purpose of a delivery that protects the person; goes out whether or not somebody has the case."""


@dataclass(frozen=True, slots=True)
class DispatchOptions:
    """What the desk is set up with; ``available`` are the channels that have a gateway."""

    available: frozenset[str]
    language: Language
    public_url: str
    budget_per_day: int
    deadlines: Deadlines


class DispatchDesk:
    """Handles the timers of cases."""

    def __init__(self, db: Database, routing: RoutingSource, options: DispatchOptions) -> None:
        self._db = db
        self._routing = routing
        self._options = options

    def dispatch(self, session: Session, case: Case, now_ms: int) -> list[Delivery]:
        """Tell the teams whose case it is, and protect the person."""
        if case.state == "closed" or case.withdrawn:
            return []
        routing = self._routing.current
        found = route(routing, labels_of(case))
        intents: list[Intent] = []
        withheld: dict[str, str] = {}
        if case.state in WAITING_STATES:
            for match in found:
                pages, reason = self._pages(session, case, routing, match, now_ms)
                intents += pages
                if not pages:
                    withheld[match.receiver] = reason
        intents += self._protection(session, case, now_ms)
        written = write_deliveries(session, case, intents, self._options.language, now_ms)
        if case.state == "new":
            case.state = "dispatched"
            case.team = routing.receiver(found[0].receiver).team
        elif not written:
            return []
        case.version += 1
        detail = {
            "receivers": [match.receiver for match in found],
            "deliveries": [[row.channel, row.recipient, row.reason] for row in written],
            "withheld": withheld,
        }
        self._record(session, case, "dispatched", detail, now_ms)
        return written

    def deadline(self, session: Session, case: Case, now_ms: int) -> list[Delivery]:
        """The deadline passed, or a step of the chain is due: page the next in line."""
        if case.state not in WAITING_STATES or case.withdrawn:
            return []
        routing = self._routing.current
        match = route(routing, labels_of(case))[0]
        step = decide_escalation(
            case.escalation_level,
            match.escalate,
            # Early only if no page could be delivered: then the chain begins now.
            deadline_ms=min(case.deadline_ms, now_ms),
            repeat_seconds=match.repeat_seconds,
            now_ms=now_ms,
        )
        case.version += 1
        if step.next_ms is not None:
            set_timer(session, case, DEADLINE, step.next_ms)
        if step.reason == "not_due_yet":
            return []
        case.escalation_level = step.level
        receiver = routing.receiver(step.receiver or match.receiver)
        intents = self._to_team(
            session, case, receiver, "escalation", step.reason, now_ms, occasion=str(step.level)
        )
        written = write_deliveries(session, case, intents, self._options.language, now_ms)
        detail = {
            "level": step.level,
            "receiver": receiver.name,
            "reason": step.reason,
            "deliveries": [[row.channel, row.recipient, row.reason] for row in written],
        }
        self._record(session, case, "escalated", detail, now_ms)
        return written

    def _pages(
        self, session: Session, case: Case, routing: Routing, match: Match, now_ms: int
    ) -> tuple[list[Intent], str]:
        receiver = routing.receiver(match.receiver)
        decision = decide_page(facts.page_facts(session, case, routing, receiver, now_ms), now_ms)
        if decision.not_before_ms is None:
            return [], decision.reason
        labels = labels_of(case)
        wait_ms = int(match.group_wait_seconds * 1000)
        group = "/".join([match.receiver, *(labels[name] for name in match.group_by)])
        pages = self._to_team(
            session,
            case,
            receiver,
            "page",
            decision.reason,
            now_ms,
            # A case that got worse is worth another page; one that only moved on is not.
            occasion=case.severity,
            group_key=group if wait_ms else "",
            not_before_ms=decision.not_before_ms + wait_ms,
        )
        return pages, "paged" if pages else "nobody_to_page"

    def _to_team(
        self,
        session: Session,
        case: Case,
        receiver: Receiver,
        template: str,
        reason: str,
        now_ms: int,
        *,
        occasion: str,
        group_key: str = "",
        not_before_ms: int = 0,
    ) -> list[Intent]:
        targets: list[tuple[str, str, str]] = []
        for number, page in enumerate(receiver.pages):
            if page.channel == "oncall":
                shifts = facts.on_call(session, case, receiver.team, now_ms)
                targets += [(shift.channel, shift.responder, shift.address) for shift in shifts]
            elif page.channel in ("chat", "webhook"):
                # The address holds a secret: it stays in the file, the row says where in it.
                targets.append((page.channel, "team", f"{receiver.name}#{number}"))
            else:
                targets.append((page.channel, "team", page.address))
        return [
            Intent(
                channel=channel,
                purpose=PAGE,
                recipient=recipient,
                address=address,
                template=template,
                reason=reason,
                team=receiver.team,
                group_key=f"{group_key}/{channel}/{address}" if group_key else "",
                not_before_ms=not_before_ms,
                occasion=occasion,
                content=self._content(case),
            )
            for channel, recipient, address in targets
            if channel in self._options.available
        ]

    def _protection(self, session: Session, case: Case, now_ms: int) -> list[Intent]:
        known = facts.reachability(
            session,
            case,
            self._options.available,
            budget_per_day=self._options.budget_per_day,
            now_ms=now_ms,
        )
        if case.state == "in_contact":  # the responder is talking to the person already
            known_actions: Sequence[Action] = [
                action for action in decide_reach(known) if action.channel == "bank"
            ]
        else:
            known_actions = decide_reach(known)
        return [
            Intent(
                channel=action.channel,
                purpose=PROTECT,
                recipient=action.recipient,
                address=action.address or self._address(case, action),
                template=action.template,
                reason=action.reason,
                occasion=action.transfer_id,
                content=self._content(case) | {"transfer_id": action.transfer_id},
            )
            for action in known_actions
        ]

    @staticmethod
    def _address(case: Case, action: Action) -> str:
        if action.recipient == "victim":
            return case.subscriber
        if action.recipient == "operator":
            return case.subscriber
        return action.transfer_id or case.district

    def _content(self, case: Case) -> dict[str, object]:
        """The fields of the templates: nothing that names a person."""
        language = self._options.language
        seconds = (self._options.deadlines.deadline_ms(case.severity, 0)) // 1000
        return {
            "case_id": case.case_id,
            "severity": severity_name(case.severity, language),
            "typology": typology_name(case.typology, language),
            "district": case.district,
            "amount": money(case.amount_at_risk_minor, case.currency),
            "minutes": max(1, seconds // 60),
            "level": case.escalation_level,
            "url": f"{self._options.public_url}/console/cases/{case.case_id}",
        }

    def _record(
        self, session: Session, case: Case, kind: str, detail: dict[str, object], now_ms: int
    ) -> None:
        session.add(
            CaseEvent(case_id=case.case_id, at_ms=now_ms, kind=kind, actor=ACTOR, detail=detail)
        )
        audit.append(
            self._db, session, [AuditEntry(now_ms, ACTOR, kind, case.case_id, dict(detail))]
        )
