"""The policy file: TOML, checked against these structs, and an error names the field that is wrong."""

import hashlib
from typing import Annotated, Literal

import msgspec

from forewarn.contracts.fraud_warning import Severity, SubjectStatus
from forewarn.contracts.payment_answer import PaymentDecision
from forewarn.errors import ConfigurationError
from models.policy.payment_document import Payments, check_payments
from models.policy.warning_history import SEVERITIES

Minor = Annotated[int, msgspec.Meta(ge=0, le=10**13)]
Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,47}$")]


class Thresholds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Lower bounds of the calibrated probability.

    The bound of a trigger (the status of an event) is that of ``triggers``, else
    ``raise_probability``, else what the model recommends (``raise.on_call`` and so on, else
    ``raise`` of its manifest's thresholds), else ``fallback_probability``. An open warning is
    withdrawn when the probability falls under ``withdraw_ratio`` times the bound: the gap keeps
    warnings from flickering.
    """

    raise_probability: Share | None = None
    triggers: dict[SubjectStatus, Share] = {}
    fallback_probability: Share = 0.3
    withdraw_ratio: Share = 0.4
    watch_ratio: Share = 0.5


class Costs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Money in minor units: what an intervention costs and what is at risk.

    ``text_minor`` is the cost of a warning of the tier ``low``, which is a text without a responder.
    ``success`` is the share that a warning at this status saves of the money that leaves at least a
    minute later. ``hold_success`` is the share of warned transfers that a hold of the bank stops
    before they settle: 0 where no bank answers in time. ``call_exposure_minor`` is what a swindler on
    the phone is expected to ask for, by typology.
    """

    intervention_minor: Minor = 5_000
    text_minor: Minor = 10
    hold_success: Share = 0.0
    call_exposure_minor: dict[str, Minor] = msgspec.field(
        default_factory=lambda: {"unknown": 3_000_000}
    )
    success: dict[SubjectStatus, Share] = msgspec.field(
        default_factory=lambda: {
            "on_call": 0.7,
            "line_changed": 0.6,
            "attempted": 0.8,
            "call_ended": 0.4,
            "completed": 0.0,
            "blocked": 0.0,
            "reversed": 0.0,
        }
    )

    def of(self, severity: Severity) -> int:
        """What a warning costs: no person works on a low one, which is a text."""
        return self.text_minor if severity == "low" else self.intervention_minor


class Tier(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From which expected loss a warning has this severity.

    ``medium``, ``high`` and ``critical`` have to be there; ``low`` and ``extreme`` may be.
    How soon it has to be answered is the alerting service's to say (`FOREWARN_ALERTING_*_DEADLINE_SECONDS`).
    """

    expected_loss_minor: Minor


class Budgets(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds on warnings a day; a person warned every hour stops listening. 0 is no bound.

    ``per_day`` bounds all warnings of one worker that are not exempt. ``per_tenant_hour`` bounds those of
    each tenant in an hour of the clock, ``tenants`` those of tenants that differ, so that one
    tenant's flood does not spend what is there for all.
    """

    per_person: Annotated[int, msgspec.Meta(ge=0, le=10)] = 4
    per_day: Annotated[int, msgspec.Meta(ge=0)] = 0
    per_district: Annotated[int, msgspec.Meta(ge=0)] = 0
    districts: dict[str, Annotated[int, msgspec.Meta(ge=0)]] = {}
    per_tenant_hour: Annotated[int, msgspec.Meta(ge=0)] = 0
    tenants: dict[str, Annotated[int, msgspec.Meta(ge=0)]] = {}
    window_hours: Annotated[int, msgspec.Meta(ge=1, le=168)] = 24
    exempt: tuple[Severity, ...] = ("critical", "extreme")
    quiet_after_false_alarm_hours: Annotated[int, msgspec.Meta(ge=0, le=168)] = 12

    def is_exempt(self, severity: Severity) -> bool:
        """Whether no budget holds back a severity; the gravest one is exempt where critical is."""
        return severity in self.exempt or (severity == "extreme" and "critical" in self.exempt)


class Quota(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one tenant is expected to bring to the whole installation. 0 is no bound.

    ``events_per_second`` is an average over five minutes, ``state_megabytes`` the records of its subscribers in millions of bytes.
    """

    events_per_second: Annotated[int, msgspec.Meta(ge=0)] = 0
    state_megabytes: Annotated[int, msgspec.Meta(ge=0)] = 0


class Quotas(Quota, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The quota of every tenant, and ``tenants`` those of tenants that differ.

    Workers measure and show both; no event is left out for a quota, since the features after it would lack it.
    """

    tenants: dict[str, Quota] = {}

    def of(self, tenant: str) -> Quota:
        """The quota of a tenant."""
        return self.tenants.get(tenant, self)


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A condition over features that raises or suppresses whatever the model says.

    ``on`` limits it to events of these statuses (empty: all that can be raised). ``payment`` is the
    mildest answer to a bank that asks about a payment which a rule with the effect ``raise`` fits.
    """

    name: Name
    effect: Literal["raise", "suppress"]
    when: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
    on: tuple[SubjectStatus, ...] = ()
    severity: Severity = "high"
    payment: PaymentDecision = "hold"


class PolicyDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    name: Name
    description: str = ""
    raise_on: tuple[SubjectStatus, ...] = ("on_call", "attempted", "call_ended")
    thresholds: Thresholds = Thresholds()
    costs: Costs = msgspec.field(default_factory=Costs)
    tiers: dict[Severity, Tier]
    budgets: Budgets = Budgets()
    quotas: Quotas = Quotas()
    payments: Payments = Payments()
    rules: Annotated[tuple[Rule, ...], msgspec.Meta(max_length=200)] = ()


def parse_policy(data: bytes) -> tuple[PolicyDocument, str]:
    """Read a policy; returns it with its version (its name and the hash of the file).

    Raises:
        ConfigurationError: naming the field and what is wrong with it.
    """
    try:
        document = msgspec.toml.decode(data, type=PolicyDocument)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"the policy is not valid: {error}.",
            hint="models/policy/default.toml is a complete example.",
        ) from None
    _check_tiers(document)
    check_payments(document.payments)
    names = [rule.name for rule in document.rules]
    if len(set(names)) != len(names):
        raise ConfigurationError("two rules of the policy have the same name")
    return document, f"{document.name}-{hashlib.sha256(data).hexdigest()[:8]}"


def _check_tiers(document: PolicyDocument) -> None:
    needed: tuple[Severity, ...] = ("medium", "high", "critical")
    missing = [severity for severity in needed if severity not in document.tiers]
    if missing:
        raise ConfigurationError(f"the policy has no tier {', '.join(missing)}")
    order = [severity for severity in SEVERITIES if severity in document.tiers]
    losses = [document.tiers[severity].expected_loss_minor for severity in order]
    if losses != sorted(losses):
        raise ConfigurationError(
            f"tiers.expected_loss_minor must rise from {order[0]} to {order[-1]}",
            hint="A more severe tier begins at a higher expected loss.",
        )
    if "unknown" not in document.costs.call_exposure_minor:
        raise ConfigurationError("costs.call_exposure_minor needs the entry `unknown`")
