"""The decider: from a probability and what is known about the person to a named decision."""

from collections.abc import Mapping, Sequence
from typing import get_args

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from forewarn.contracts.fraud_warning import Action, Severity, SubjectStatus
from forewarn.contracts.transfer import Channel
from forewarn.errors import ConfigurationError
from models.policy.decision import Decision, DecisionReason, EventFacts
from models.policy.event_status import STATUS_OF_KIND
from models.policy.party_lists import Lists
from models.policy.payment_policy import PaymentFacts, PaymentPolicy, PaymentVerdict
from models.policy.policy_document import PolicyDocument, Rule
from models.policy.rule_expression import Expression, Rows, compile_expression
from models.policy.warning_history import (
    EMPTY,
    SEVERITIES,
    OpenWarning,
    WarningHistory,
    is_unconcerned,
)
from models.policy.warning_reasons import raise_reason, silenced

_HOUR_MS = 3_600_000
_FINAL = ("completed", "blocked", "reversed")
"""What became of a transfer: said of every warned one, because the loss ledger lives on it."""


class Policy:
    """A policy document bound to a catalog's features and a model's recommended thresholds.

    Args:
        document: the checked policy file.
        version: its version, logged with every decision.
        features: names of the vector's features, in order.
        recommended: ``Scorer.thresholds``; the document's own numbers win.

    Raises:
        ConfigurationError: if a rule names an unknown feature.
    """

    def __init__(
        self,
        document: PolicyDocument,
        version: str,
        features: Sequence[str],
        recommended: Mapping[str, float] | None = None,
    ) -> None:
        self.document = document
        self.version = version
        self._features = tuple(features)
        self._recommended = dict(recommended or {})
        self._thresholds = {status: self._threshold(status) for status in get_args(SubjectStatus)}
        self._threshold_of_kind = np.ones(max(STATUS_OF_KIND) + 2)
        for kind, status in STATUS_OF_KIND.items():
            self._threshold_of_kind[kind] = self._thresholds[status]
        self.payments = PaymentPolicy(document.payments, document.thresholds.watch_ratio)
        self._rules: list[tuple[Rule, Expression]] = [
            (rule, compile_expression(rule.when, features)) for rule in document.rules
        ]

    def check(self) -> None:
        """Try every rule on a row of zeros and on one of missing values.

        Raises:
            ConfigurationError: if a rule fails on them.
        """
        vectors = np.zeros((2, len(self._features)), np.float32)
        vectors[1] = np.nan
        rows = Rows(vectors, np.zeros(2), np.zeros(2, np.int64))
        for rule, expression in self._rules:
            try:
                expression.matches(rows)
            except Exception as error:
                raise ConfigurationError(
                    f"rule {rule.name} fails on an empty row: {type(error).__name__}: {error}"
                ) from error

    def screen(
        self,
        probabilities: NDArray[np.float64],
        vectors: NDArray[np.float32],
        *,
        kinds: NDArray[np.uint8],
        amounts_minor: NDArray[np.int64],
        counterparties: NDArray[np.uint64],
        lists: Lists,
    ) -> NDArray[np.bool_]:
        """Which events of a chunk may raise a warning, whatever the subscriber's history.

        All others are ``below_threshold``, unless the history has a warning about their subject.

        Args:
            probabilities: calibrated, [n].
            vectors: float32 [n, F].
            kinds: ``EventKind`` of each event.
            amounts_minor: [n], 0 where the event has none.
            counterparties: pseudonyms of the other side, [n].
            lists: the lists in force.
        """
        wanted = np.asarray(probabilities >= self.thresholds_of(kinds))
        wanted |= lists.rows_to_decide(counterparties)
        if any(rule.effect == "raise" for rule, _ in self._rules):
            rows = Rows(vectors, probabilities, amounts_minor)
            for rule, expression in self._rules:
                if rule.effect == "raise":
                    wanted |= expression.matches(rows)
        return wanted

    def leaves_unchanged(self, annex: bytes, subject: int, event_time_ms: int) -> bool:
        """Whether an event that is not screened leaves the history in an annex as it is.

        Its decision is then ``below_threshold``: no warning is about its subject, and none leaves the
        budget's window. This saves decoding the history for most events of a warned person.

        Args:
            annex: of the subscriber, before the event.
            subject: pseudonym of the event's subject.
            event_time_ms: of the event.
        """
        window_ms = self.document.budgets.window_hours * _HOUR_MS
        return not annex or is_unconcerned(annex, subject, event_time_ms - window_ms)

    def decide(
        self, facts: EventFacts, probability: float, history: WarningHistory, lists: Lists
    ) -> Decision:
        """Decide one event.

        Args:
            facts: the event.
            probability: calibrated.
            history: the subscriber's, from the annex.
            lists: the lists in force.
        """
        window_ms = self.document.budgets.window_hours * _HOUR_MS
        history = history.since(facts.event_time_ms - window_ms)
        if not history.warnings and history.cleared_until_ms <= facts.event_time_ms:
            history = EMPTY  # the annex goes back to no bytes at all
        before = history.about(facts.subject)
        if before is not None and before.state != "withdrawn":
            return self._revise(facts, probability, history, before, lists)
        return self._consider(facts, probability, history, before, lists)

    def answer(
        self, facts: EventFacts, channel: Channel, probability: float, lists: Lists
    ) -> PaymentVerdict:
        """Answer a bank that holds an attempted transfer.

        Args:
            facts: the transfer.
            channel: over which it was ordered.
            probability: calibrated.
            lists: the lists in force.
        """
        rule = self._first_rule(facts, probability, "raise")
        payment = PaymentFacts(
            tenant=facts.tenant,
            subscriber=facts.subscriber,
            counterparty=facts.counterparty,
            event_time_ms=facts.event_time_ms,
            amount_minor=facts.amount_minor,
            channel=channel,
            at_least=rule.payment if rule else None,
            suppressed=self._first_rule(facts, probability, "suppress") is not None,
        )
        return self.payments.decide(payment, probability, lists)

    def clear(self, history: WarningHistory, event_time_ms: int) -> WarningHistory:
        """The history after a false alarm: all settled, and quiet for a while but for the worst."""
        settled = tuple(structs.replace(w, state="settled") for w in history.warnings)
        quiet_ms = self.document.budgets.quiet_after_false_alarm_hours * _HOUR_MS
        return WarningHistory(settled, max(history.cleared_until_ms, event_time_ms + quiet_ms))

    def settle(self, history: WarningHistory) -> WarningHistory:
        """The history after any other outcome: nothing in it is open any more."""
        settled = tuple(structs.replace(w, state="settled") for w in history.warnings)
        return WarningHistory(settled, history.cleared_until_ms)

    def at_risk_minor(self, facts: EventFacts) -> int:
        """The amount of a transfer; for a call or a line, what would be asked for."""
        if facts.amount_minor > 0:
            return facts.amount_minor
        exposure = self.document.costs.call_exposure_minor
        return exposure.get(facts.typology, exposure["unknown"])

    def saving_minor(self, facts: EventFacts, probability: float) -> float:
        """What a warning about this event is expected to save, given the lead that is left.

        Of a fraud the money that leaves at least a minute later can be saved by a responder, an
        attempted transfer only by a hold that the bank answers in time. A model that does not say how
        much follows (``later_minor``) leaves the amount at risk in its place.
        """
        costs = self.document.costs
        success = costs.success.get(facts.status, 0.0)
        later = self._recommended.get(f"later_minor.{facts.status}")
        if later is None:
            return probability * self.at_risk_minor(facts) * success
        return probability * (later * success + facts.amount_minor * costs.hold_success)

    def severity(self, expected_loss_minor: int) -> Severity:
        """The most severe tier of the file whose expected loss is reached, else its least severe."""
        tiers = self.document.tiers
        known = [severity for severity in SEVERITIES if severity in tiers]
        reached = [s for s in known if expected_loss_minor >= tiers[s].expected_loss_minor]
        return reached[-1] if reached else known[0]

    def _consider(  # noqa: PLR0911  # one return for each reason
        self,
        facts: EventFacts,
        probability: float,
        history: WarningHistory,
        before: OpenWarning | None,
        lists: Lists,
    ) -> Decision:
        """Decide whether to raise a warning where none is open."""
        blocked = lists.holds("block", facts.tenant, facts.counterparty, facts.event_time_ms)
        watched = lists.holds("watch", facts.tenant, facts.counterparty, facts.event_time_ms)
        rule = self._first_rule(facts, probability, "raise")
        threshold = self.threshold_of(facts.status)
        threshold *= self.document.thresholds.watch_ratio if watched else 1.0
        if not (blocked or rule or facts.stopped or probability >= threshold):
            return Decision(reason="below_threshold", history=history)
        if facts.status not in self.document.raise_on:
            return Decision(reason="too_late", history=history)
        silent = silenced(facts, lists, blocked=blocked)
        if silent:
            return Decision(reason=silent, history=history)
        suppressing = None if blocked else self._first_rule(facts, probability, "suppress")
        if suppressing:
            return Decision(reason="suppressed_by_rule", history=history, rule=suppressing.name)
        at_risk = self.at_risk_minor(facts)
        loss = round(probability * at_risk)
        severity = self.severity(loss)
        reason = raise_reason(facts, rule, blocked=blocked, likely=probability >= threshold)
        if rule or blocked or facts.stopped:
            severity = _worse(severity, rule.severity if rule else "high")
            # The alerting service orders a hold from `high` on.
            severity = _worse(severity, "high") if facts.stopped else severity
        elif self.saving_minor(facts, probability) < self.document.costs.of(severity):
            return Decision(reason="not_worth_it", history=history)
        exempt = blocked or facts.stopped or self.document.budgets.is_exempt(severity)
        if not exempt:
            over = self._over_budget(facts, history)
            if over:
                return Decision(reason=over, history=history)
        return self._send(
            facts, probability, history, before,
            reason=reason, severity=severity, rule=rule.name if rule else "", exempt=exempt,
        )  # fmt: skip

    def _over_budget(self, facts: EventFacts, history: WarningHistory) -> DecisionReason | None:
        budgets = self.document.budgets
        if history.cleared_until_ms > facts.event_time_ms:
            return "suppressed_cleared"
        since_ms = facts.event_time_ms - budgets.window_hours * _HOUR_MS
        if budgets.per_person and history.spent(since_ms) >= budgets.per_person:
            return "suppressed_budget"
        of_district = budgets.districts.get(facts.district, budgets.per_district)
        if of_district and facts.district_spent >= of_district:
            return "suppressed_district_budget"
        if budgets.per_day and facts.spent >= budgets.per_day:
            return "suppressed_daily_budget"
        of_tenant = budgets.tenants.get(facts.tenant, budgets.per_tenant_hour)
        if of_tenant and facts.tenant_spent >= of_tenant:
            return "suppressed_tenant_budget"
        return None

    def _revise(  # noqa: PLR0911  # one return for each reason
        self,
        facts: EventFacts,
        probability: float,
        history: WarningHistory,
        before: OpenWarning,
        lists: Lists,
    ) -> Decision:
        """Decide what a later event on the same subject means for its warning."""
        silent = silenced(facts, lists, blocked=False)
        if before.state == "open" and silent:
            return self._withdraw(facts, probability, history, before, "withdrawn_listed")
        if facts.status in _FINAL:
            return self._update(facts, probability, history, before, "status_update")
        if before.state == "settled":
            return Decision(reason="settled", history=history)
        lower = self.threshold_of(facts.status) * self.document.thresholds.withdraw_ratio
        if probability < lower:
            return self._withdraw(facts, probability, history, before, "withdrawn_evidence")
        severity = self.severity(round(probability * self.at_risk_minor(facts)))
        if SEVERITIES.index(severity) > SEVERITIES.index(before.severity):
            return self._update(facts, probability, history, before, "upgraded")
        if facts.status == "call_ended":
            return self._update(facts, probability, history, before, "status_update")
        return Decision(reason="unchanged", history=history)

    def _send(
        self,
        facts: EventFacts,
        probability: float,
        history: WarningHistory,
        before: OpenWarning | None,
        *,
        reason: DecisionReason,
        severity: Severity,
        rule: str,
        exempt: bool,
    ) -> Decision:
        warning = OpenWarning(
            subject=facts.subject,
            raised_ms=facts.event_time_ms,
            severity=severity,
            state="settled" if facts.status == "call_ended" else "open",
            revision=before.revision + 1 if before else 0,
            probability=probability,
            exempt=exempt,
        )
        decision = self._sending(facts, reason, "raise", warning, history)
        return structs.replace(decision, rule=rule, counts=not exempt)

    def _update(
        self,
        facts: EventFacts,
        probability: float,
        history: WarningHistory,
        before: OpenWarning,
        reason: DecisionReason,
    ) -> Decision:
        # After the fact the model looks at a transfer that was made: what was known when it could
        # still be stopped says more about the loss, so the earlier probability stays.
        final = facts.status in _FINAL
        held = before.probability if final else probability
        severity = self.severity(round(held * self.at_risk_minor(facts)))
        after = structs.replace(
            before,
            severity=before.severity if final else _worse(before.severity, severity),
            state="settled" if final or facts.status == "call_ended" else "open",
            revision=before.revision + 1,
            probability=held,
        )
        return self._sending(facts, reason, "update", after, history)

    def _withdraw(
        self,
        facts: EventFacts,
        probability: float,
        history: WarningHistory,
        before: OpenWarning,
        reason: DecisionReason,
    ) -> Decision:
        after = structs.replace(
            before, state="withdrawn", revision=before.revision + 1, probability=probability
        )
        return self._sending(facts, reason, "withdraw", after, history)

    def _sending(
        self,
        facts: EventFacts,
        reason: DecisionReason,
        action: Action,
        warning: OpenWarning,
        history: WarningHistory,
    ) -> Decision:
        """The decision that publishes the warning in this state."""
        at_risk = self.at_risk_minor(facts)
        return Decision(
            reason=reason,
            action=action,
            severity=warning.severity,
            history=history.put(warning),
            expected_loss_minor=round(warning.probability * at_risk),
            amount_at_risk_minor=at_risk,
            revision=warning.revision,
        )

    def threshold_of(self, status: SubjectStatus) -> float:
        """The lower bound of the probability at events of this status."""
        return self._thresholds[status]

    def thresholds_of(self, kinds: NDArray[np.uint8]) -> NDArray[np.float64]:
        """The bound at each event by its ``EventKind``; 1 where an event has no status."""
        bounds: NDArray[np.float64] = self._threshold_of_kind[kinds]
        return bounds

    def with_model(self, recommended: Mapping[str, float]) -> "Policy":
        """The same file with the recommendations of another model."""
        return Policy(self.document, self.version, self._features, recommended)

    def _threshold(self, status: SubjectStatus) -> float:
        limits, model = self.document.thresholds, self._recommended
        if status in limits.triggers:
            return limits.triggers[status]
        if limits.raise_probability is not None:
            return limits.raise_probability
        return model.get(f"raise.{status}", model.get("raise", limits.fallback_probability))

    def _first_rule(self, facts: EventFacts, probability: float, effect: str) -> Rule | None:
        if not self._rules:
            return None
        rows = Rows(
            facts.vector.reshape(1, -1),
            np.array([probability]),
            np.array([facts.amount_minor], np.int64),
        )
        for rule, expression in self._rules:
            if (
                rule.effect == effect
                and (not rule.on or facts.status in rule.on)
                and expression.matches(rows)[0]
            ):
                return rule
        return None


def _worse(one: Severity, other: Severity) -> Severity:
    return max(one, other, key=SEVERITIES.index)
