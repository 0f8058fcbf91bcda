"""Composes the deliveries that carry out a decision: recipient, channel and content."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy.orm import Session

from alerting.cases.follow_up import FollowUps
from alerting.cases.severity import Deadlines
from alerting.cases.timers.timer_schedule import ADVISE, PAGE
from alerting.db.case_tables import Case
from alerting.notify.dispatch import dispatch_facts
from alerting.notify.dispatch.channel_selection import ALL_TRACKS, Action
from alerting.notify.dispatch.delivery_rows import ALARM, PROTECT, TRACE, Intent, page_step
from alerting.notify.dispatch.message_templates import (
    Language,
    problem_name,
    severity_name,
    typology_name,
)
from alerting.notify.dispatch.protection_failures import ProtectionFailure
from alerting.notify.routing.case_labels import labels_of
from alerting.notify.routing.routing_tree import Match, Receiver
from alerting.orders.order_rules import OrderOptions
from forewarn.platform.money import written


def _no_wording(_typology: str, _template: str, _language: Language) -> str:
    """The same texts for every typology."""
    return ""


@dataclass(frozen=True, slots=True)
class DispatchOptions:
    """Options of the dispatch; ``available`` are the channels that have a gateway.

    ``wording`` gives the own text of a typology for a template and language, empty for none.
    """

    available: frozenset[str]
    language: Language
    public_url: str
    budget_per_day: int
    deadlines: Deadlines
    follow_ups: FollowUps
    orders: OrderOptions = field(default_factory=OrderOptions)
    wording: Callable[[str, str, Language], str] = _no_wording


@dataclass(frozen=True, slots=True)
class _Target:
    """One address; ``recipient`` is the name of a responder, or ``team``."""

    channel: str
    recipient: str
    address: str


class DeliveryComposer:
    """Builds the deliveries that the dispatch service writes."""

    def __init__(self, options: DispatchOptions) -> None:
        self._options = options

    def first_page(
        self,
        session: Session,
        case: Case,
        match: Match,
        receiver: Receiver,
        reason: str,
        *,
        not_before_ms: int,
        now_ms: int,
    ) -> list[Intent]:
        """The page that asks a team to take a case; grouped with others if the route says so."""
        labels = labels_of(case)
        wait_ms = int(match.group_wait_seconds * 1000)
        group = "/".join([match.receiver, *(labels[name] for name in match.group_by)])
        # A case is paged again when its severity rises, not with every revision.
        step = page_step(case, "page", case.severity)
        return [
            replace(
                page,
                group_key=f"{group}/{page.channel}/{page.address}" if wait_ms else "",
                not_before_ms=not_before_ms + wait_ms,
            )
            for page in _addressed(
                self._targets(session, case, receiver, now_ms),
                PAGE, "page", reason, step, receiver, self._content(case),
            )
        ]  # fmt: skip

    def escalation(
        self, session: Session, case: Case, receiver: Receiver, reason: str, now_ms: int
    ) -> list[Intent]:
        """The page of the case's level of escalation."""
        step = page_step(case, "escalation", str(case.escalation_level))
        return _addressed(
            self._targets(session, case, receiver, now_ms),
            PAGE, "escalation", reason, step, receiver, self._content(case),
        )  # fmt: skip

    def follow_up(
        self, session: Session, case: Case, receiver: Receiver, problem: str, now_ms: int
    ) -> list[Intent]:
        """The alert to a supervisor that the holder of a case is late with the next step."""
        held_ms = now_ms - (case.held_since_ms or now_ms)
        content = self._content(case) | {"held_minutes": held_ms // 60_000}
        step = page_step(case, "follow_up", f"{case.held_since_ms}/{case.follow_up_level}")
        targets = self._targets(session, case, receiver, now_ms)
        return self._alerts(case, targets, receiver, "follow_up", problem, step, content)

    def failure_alerts(
        self,
        session: Session,
        case: Case,
        receiver: Receiver,
        found: Sequence[ProtectionFailure],
        now_ms: int,
        *,
        purpose: str = ALARM,
    ) -> list[Intent]:
        """Alerts about failed protection: to the holder if a shift has their address, else to the team."""
        if not found:
            return []
        shifts = dispatch_facts.shifts_of(session, case, case.holder, now_ms) if case.holder else ()
        targets = self._available(
            _Target(shift.channel, shift.responder, shift.address) for shift in shifts
        ) or self._targets(session, case, receiver, now_ms)
        intents = []
        for failure in found:
            step = f"alarm/{failure.reason}/{failure.key}"
            content = self._content(case)
            alerts = self._alerts(case, targets, receiver, "alarm", failure.reason, step, content)
            intents += [replace(alert, purpose=purpose) for alert in alerts]
        return intents

    def protection(self, case: Case, actions: Sequence[Action]) -> list[Intent]:
        """Messages and orders that protect the person."""
        return [
            Intent(
                channel=action.channel,
                purpose=PROTECT,
                recipient=action.recipient,
                address=action.address or _address(case, action),
                template=action.template,
                reason=action.reason,
                step=f"{action.template}/{action.transfer_id}",
                not_before_ms=action.not_before_ms,
                content=self._content(case)
                | {"transfer_id": action.transfer_id}
                | self._own_words(case, action),
            )
            for action in actions
        ]

    def mass_text(self, case: Case, actions: Sequence[Action]) -> list[Intent]:
        """The text of a low warning; those of one tenant and typology go out as one request."""
        group = f"low/{case.tenant}/{case.typology}"
        return [
            replace(intent, purpose=ADVISE, group_key=group)
            for intent in self.protection(case, actions)
        ]

    def trace(self, session: Session, case: Case, receiver: Receiver, now_ms: int) -> list[Intent]:
        """The page to follow the money of an extreme case, once in a round."""
        content = self._content(case)
        content["url"] = f"{content['url']}/money"
        return _addressed(
            self._targets(session, case, receiver, now_ms),
            TRACE, "trace", ALL_TRACKS, "trace", receiver, content,
        )  # fmt: skip

    def _own_words(self, case: Case, action: Action) -> dict[str, object]:
        """The text that the playbook of the case's typology has for a message, if it has one."""
        text = self._options.wording(case.typology, action.template, self._options.language)
        return {"text": text} if text else {}

    def _alerts(
        self,
        case: Case,
        targets: Sequence[_Target],
        receiver: Receiver,
        template: str,
        problem: str,
        step: str,
        content: dict[str, object],
    ) -> list[Intent]:
        described = content | {
            "problem": problem_name(problem, self._options.language),
            "holder": case.holder or "-",
        }
        return _addressed(targets, ALARM, template, problem, step, receiver, described)

    def _targets(
        self, session: Session, case: Case, receiver: Receiver, now_ms: int
    ) -> list[_Target]:
        targets: list[_Target] = []
        for number, page in enumerate(receiver.pages):
            if page.channel == "oncall":
                shifts = dispatch_facts.on_call(session, case, receiver.team, now_ms)
                targets += [
                    _Target(shift.channel, shift.responder, shift.address) for shift in shifts
                ]
            elif page.channel in ("chat", "webhook"):
                # The address holds a secret, so the row names only its place in the file.
                targets.append(_Target(page.channel, "team", f"{receiver.name}#{number}"))
            else:
                targets.append(_Target(page.channel, "team", page.address))
        return self._available(targets)

    def _available(self, targets: Iterable[_Target]) -> list[_Target]:
        return [target for target in targets if target.channel in self._options.available]

    def _content(self, case: Case) -> dict[str, object]:
        """The fields of the templates; none of them names a person."""
        language = self._options.language
        seconds = (self._options.deadlines.deadline_ms(case.severity, 0)) // 1000
        return {
            "case_id": case.case_id,
            "severity": severity_name(case.severity, language),
            "typology": typology_name(case.typology, language),
            "district": case.district,
            "amount": written(case.amount_at_risk_minor, case.currency),
            "minutes": max(1, seconds // 60),
            "level": case.escalation_level,
            "url": f"{self._options.public_url}/console/cases/{case.case_id}",
        }


def _addressed(
    targets: Iterable[_Target],
    purpose: str,
    template: str,
    reason: str,
    step: str,
    receiver: Receiver,
    content: dict[str, object],
) -> list[Intent]:
    """The same delivery to each target of a receiver."""
    return [
        Intent(
            channel=target.channel,
            purpose=purpose,
            recipient=target.recipient,
            address=target.address,
            template=template,
            reason=reason,
            step=step,
            team=receiver.team,
            content=content,
        )
        for target in targets
    ]


def _address(case: Case, action: Action) -> str:
    if action.recipient in ("victim", "operator"):
        return case.subscriber
    return action.transfer_id or case.district
