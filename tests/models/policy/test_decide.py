"""One sentence a case: what the policy does, and the reason that it gives."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from models.policy import DEFAULT_POLICY, EventFacts, Lists, Policy, WarningHistory, parse_policy
from models.policy.district_budget import MAX_TENANTS, DistrictSpending
from models.policy.event_status import STATUS_OF_KIND
from models.policy.party_lists import entry
from models.policy.warning_history import STATES, OpenWarning

NOW = 1_767_225_600_000
HOUR = 3_600_000
FEATURES = ("stage", "pair_is_new")
VECTOR = np.array([2.0, 1.0], np.float32)


def policy(text: str = "", **recommended: float) -> Policy:
    document, version = parse_policy(DEFAULT_POLICY.read_bytes() + text.encode())
    return Policy(document, version, FEATURES, recommended or {"raise": 0.2})


def facts(**changes: Any) -> EventFacts:
    given = {"subscriber": 1, "subject": 10, "counterparty": 99, "status": "on_call",
             "event_time_ms": NOW, "vector": VECTOR}  # fmt: skip
    return EventFacts(**{**given, **changes})


def decide(
    p: Policy, f: EventFacts, probability: float, h: WarningHistory | None = None, **kw: Any
) -> Any:
    return p.decide(f, probability, h or WarningHistory(), kw.get("lists") or Lists())


def test_a_likely_fraud_on_the_line_is_raised_with_deadline_and_loss() -> None:
    decision = decide(policy(), facts(typology="police_impersonation"), 0.5)
    assert (decision.reason, decision.action) == ("raised", "raise")
    assert decision.amount_at_risk_minor == 12_000_000
    assert decision.expected_loss_minor == 6_000_000
    assert decision.severity == "critical"
    assert decision.history.about(10) is not None


def test_an_unlikely_fraud_is_not_raised() -> None:
    decision = decide(policy(), facts(), 0.19)
    assert (decision.reason, decision.action) == ("below_threshold", None)
    assert decision.history == WarningHistory()


@pytest.mark.parametrize("status", ["completed", "blocked", "reversed"])
def test_nothing_is_raised_when_it_is_too_late(status: str) -> None:
    assert decide(policy(), facts(status=status, amount_minor=10**7), 0.9).reason == "too_late"


def test_a_small_amount_is_not_worth_an_intervention() -> None:
    small = facts(status="attempted", amount_minor=5_000)
    assert decide(policy(), small, 0.5).reason == "not_worth_it"
    assert decide(policy(), structs.replace(small, amount_minor=20_000), 0.5).reason == "raised"


@pytest.mark.parametrize(
    ("loss", "severity"),
    [(1_999_999, "high"), (2_000_000, "critical"), (499_999, "medium"), (500_000, "high")],
)
def test_severity_follows_the_expected_loss(loss: int, severity: str) -> None:
    amount = facts(status="attempted", amount_minor=loss * 2)
    assert decide(policy(), amount, 0.5).severity == severity


def test_the_same_subject_is_warned_about_once_and_then_revised() -> None:
    p = policy()
    first = decide(p, facts(), 0.3)
    again = decide(p, facts(), 0.31, first.history)
    assert (again.reason, again.action) == ("unchanged", None)
    worse = decide(p, facts(), 0.9, first.history)
    assert (worse.reason, worse.action, worse.severity) == ("upgraded", "update", "critical")
    assert worse.revision == first.revision + 1


def test_a_warning_is_withdrawn_only_well_below_the_threshold() -> None:
    p = policy()
    first = decide(p, facts(), 0.5)
    wavering = decide(p, facts(), 0.1, first.history)  # under 0.2, above 0.4 * 0.2
    assert wavering.reason == "unchanged"
    gone = decide(p, facts(status="call_ended"), 0.05, first.history)
    assert (gone.reason, gone.action) == ("withdrawn_evidence", "withdraw")
    back = decide(p, facts(), 0.5, gone.history)
    assert (back.reason, back.action, back.revision) == ("raised", "raise", gone.revision + 1)


@pytest.mark.parametrize("status", ["completed", "blocked", "reversed"])
def test_the_outcome_of_a_warned_transfer_is_always_sent(status: str) -> None:
    """The loss ledger lives on it, whatever the model thinks of a transfer that has been made."""
    p = policy()
    first = decide(p, facts(status="attempted", amount_minor=5_000_000), 0.6)
    after = decide(p, facts(status=status, amount_minor=5_000_000), 0.0, first.history)
    assert (after.reason, after.action) == ("status_update", "update")
    assert after.expected_loss_minor == first.expected_loss_minor


def test_an_ended_call_is_sent_once_and_then_settled() -> None:
    p = policy()
    first = decide(p, facts(), 0.6)
    ended = decide(p, facts(status="call_ended"), 0.6, first.history)
    assert ended.reason == "status_update"
    assert decide(p, facts(status="call_ended"), 0.6, ended.history).reason == "settled"


def test_a_person_is_not_warned_more_often_than_the_budget_allows() -> None:
    p, history = policy(), WarningHistory()
    outcomes = []
    for number in range(6):
        f = facts(
            subject=number, event_time_ms=NOW + number, status="attempted", amount_minor=10**6
        )
        decision = decide(p, f, 0.5, history)
        history = decision.history
        outcomes.append(decision.reason)
    assert outcomes == ["raised"] * 4 + ["suppressed_budget"] * 2
    urgent = facts(subject=50, status="attempted", amount_minor=10**7)
    assert decide(p, urgent, 0.9, history).reason == "raised"  # critical ones are exempt
    tomorrow = facts(
        subject=51, event_time_ms=NOW + 25 * HOUR, status="attempted", amount_minor=10**6
    )
    assert decide(p, tomorrow, 0.5, history).reason == "raised"


def test_a_district_has_a_budget_too() -> None:
    p = policy("\n")
    document = structs.replace(
        p.document, budgets=structs.replace(p.document.budgets, districts={"D01": 2})
    )
    p = Policy(document, "v", FEATURES, {"raise": 0.2})
    spending = DistrictSpending(24)
    seen = []
    for number in range(3):
        f = facts(subscriber=number, district="D01", status="attempted", amount_minor=10**6,
                  district_spent=spending.spent("D01", NOW))  # fmt: skip
        decision = decide(p, f, 0.5)
        seen.append(decision.reason)
        if decision.counts:
            spending.note("D01", NOW)
    assert seen == ["raised", "raised", "suppressed_district_budget"]
    assert spending.spent("D01", NOW + 25 * HOUR) == 0


def test_after_a_false_alarm_a_person_is_left_in_peace_but_for_the_worst() -> None:
    p = policy()
    cleared = p.clear(decide(p, facts(), 0.5).history, NOW)
    medium = facts(subject=11, event_time_ms=NOW + HOUR, status="attempted", amount_minor=10**5)
    assert decide(p, medium, 0.5, cleared).reason == "suppressed_cleared"
    critical = facts(subject=12, event_time_ms=NOW + HOUR, status="attempted", amount_minor=10**8)
    assert decide(p, critical, 0.5, cleared).reason == "raised"
    later = structs.replace(medium, event_time_ms=NOW + 13 * HOUR)
    assert decide(p, later, 0.5, cleared).reason == "raised"


def test_lists_beat_the_model_in_a_fixed_order() -> None:
    blocked, allowed, pair, watched = Lists(), Lists(), Lists(), Lists()
    blocked.add(entry("block", 99))
    allowed.add(entry("allow", 99))
    allowed.add(entry("block", 99))
    pair.add(entry("pair", 99, subscriber=1))
    watched.add(entry("watch", 99))
    p = policy()
    assert decide(p, facts(), 0.001, lists=blocked).reason == "raised_by_list"
    assert decide(p, facts(), 0.9, lists=allowed).reason == "allow_listed"
    assert decide(p, facts(), 0.9, lists=pair).reason == "pair_exception"
    assert decide(p, facts(subscriber=2), 0.9, lists=pair).reason == "raised"
    assert decide(p, facts(), 0.15).reason == "below_threshold"
    assert decide(p, facts(), 0.15, lists=watched).reason == "raised"
    pair.add(entry("block", 99))
    assert decide(p, facts(), 0.9, lists=pair).reason == "raised_by_list"


def test_a_new_exception_withdraws_what_is_open() -> None:
    p, lists = policy(), Lists()
    first = decide(p, facts(), 0.9)
    lists.add(entry("pair", 99, subscriber=1))
    after = decide(p, facts(), 0.9, first.history, lists=lists)
    assert (after.reason, after.action) == ("withdrawn_listed", "withdraw")


RULES = """
[[rules]]
name = "late_stage"
effect = "raise"
when = "stage >= 3 and pair_is_new == 1"
on = ["attempted"]
severity = "critical"

[[rules]]
name = "small_gifts"
effect = "suppress"
when = "amount_minor < 30000 and pair_is_new == 0"
"""


def test_rules_raise_and_suppress_by_name() -> None:
    p = policy(RULES)
    late = np.array([3.0, 1.0], np.float32)
    raised = decide(p, facts(status="attempted", amount_minor=100, vector=late), 0.01)
    assert (raised.reason, raised.rule, raised.severity) == (
        "raised_by_rule", "late_stage", "critical",
    )  # fmt: skip
    assert decide(p, facts(vector=late), 0.01).reason == "below_threshold"  # not on calls
    gift = np.array([0.0, 0.0], np.float32)
    quiet = decide(p, facts(status="attempted", amount_minor=20_000, vector=gift), 0.9)
    assert (quiet.reason, quiet.rule) == ("suppressed_by_rule", "small_gifts")


@settings(max_examples=150, deadline=None)
@given(
    probability=st.floats(0, 1),
    stage=st.sampled_from([0.0, 2.0, 3.0, float("nan")]),
    party=st.sampled_from([5, 6, 7]),
    status=st.sampled_from(["on_call", "attempted", "completed", "call_ended"]),
    amount=st.integers(0, 10**9),
    warned=st.lists(
        st.tuples(st.sampled_from([10, 11, 12]), st.integers(-30, 1), st.sampled_from(STATES)),
        max_size=3,
    ),
    quiet_hours=st.sampled_from([0, -5, 5]),
)
def test_screening_misses_nothing_that_would_be_sent(
    probability: float, stage: float, party: int, status: str, amount: int,
    warned: list[Any], quiet_hours: int,
) -> None:  # fmt: skip
    """An event that is screened out, and concerns no warning, is below the threshold and changes nothing."""
    p, lists = (
        policy(RULES, **{"raise": 0.2, "raise.on_call": 0.05, "raise.call_ended": 0.3}),
        Lists(),
    )
    lists.add(entry("block", 5))
    lists.add(entry("watch", 6))
    kind = next(kind for kind, name in STATUS_OF_KIND.items() if name == status)
    vector = np.array([stage, 1.0], np.float32)
    picked = p.screen(
        np.array([probability]), vector.reshape(1, -1), kinds=np.array([kind], np.uint8),
        amounts_minor=np.array([amount]),
        counterparties=np.array([party], np.uint64), lists=lists,
    )  # fmt: skip
    history = WarningHistory((), NOW + quiet_hours * HOUR if quiet_hours else 0)
    for subject, hours, state in warned:
        history = history.put(
            OpenWarning(subject=subject, raised_ms=NOW + hours * HOUR, severity="high", state=state)
        )
    if not picked[0] and p.leaves_unchanged(history.encode(), 10, NOW):
        f = facts(vector=vector, counterparty=party, status=status, amount_minor=amount)
        decision = decide(p, f, probability, history, lists=lists)
        assert decision.reason == "below_threshold"
        assert decision.history == history


def test_an_annex_of_another_version_is_always_decoded() -> None:
    """It has to reach the decoder, which names what to do."""
    whole = decide(policy(), facts(), 0.9).history.encode()
    assert policy().leaves_unchanged(whole, 11, NOW)
    for damaged in (whole[:-1], whole + b"\0", b"\x02" + whole[1:], whole[:5]):
        assert not policy().leaves_unchanged(damaged, 11, NOW)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 1), st.sampled_from(
    ["on_call", "attempted", "completed", "blocked", "call_ended"])), max_size=30))  # fmt: skip
def test_deciding_again_from_the_annex_gives_the_same(events: list[Any]) -> None:
    """A crash decodes the annex and decides again: no decision may depend on anything else."""
    p = policy()
    live, stored = WarningHistory(), b""
    for step, (subject, probability, status) in enumerate(events):
        f = facts(
            subject=subject, status=status, event_time_ms=NOW + step * HOUR, amount_minor=10**6
        )
        one = decide(p, f, probability, live)
        again = decide(p, f, probability, WarningHistory.decode(stored))
        assert one == again
        live, stored = one.history, again.history.encode()


def test_the_models_threshold_counts_unless_the_file_names_one() -> None:
    assert policy(**{"raise": 0.07}).threshold_of("attempted") == 0.07
    document, version = parse_policy(
        DEFAULT_POLICY.read_bytes().replace(
            b"[thresholds]", b"[thresholds]\nraise_probability = 0.5"
        )
    )
    bound = Policy(document, version, FEATURES, {"raise": 0.07, "raise.on_call": 0.02})
    assert bound.threshold_of("on_call") == bound.threshold_of("attempted") == 0.5


def test_each_trigger_has_a_bound_of_its_own() -> None:
    recommended = {"raise": 0.2, "raise.on_call": 0.05, "raise.call_ended": 0.4}
    p = policy(**recommended)
    assert decide(p, facts(), 0.06).reason == "raised"
    ended = facts(status="call_ended")
    assert decide(p, ended, 0.3).reason == "below_threshold"
    transfer = facts(status="attempted", amount_minor=10**6)
    assert decide(p, transfer, 0.19).reason == "below_threshold"
    document = structs.replace(
        p.document, thresholds=structs.replace(p.document.thresholds, triggers={"on_call": 0.5})
    )
    own = Policy(document, "v", FEATURES, recommended)
    assert decide(own, facts(), 0.45).reason == "below_threshold"
    assert decide(own, ended, 0.45).reason == "raised"


def test_a_changed_line_setting_alone_raises_nothing() -> None:
    assert decide(policy(), facts(status="line_changed"), 0.99).action is None


def test_a_warning_has_to_save_something_in_the_time_that_is_left() -> None:
    """Money that leaves at once is saved by a hold or not at all; what follows by a responder."""
    at_once = {"raise": 0.2, "later_minor.attempted": 0.0}
    transfer = facts(status="attempted", amount_minor=10**6)
    assert decide(policy(**at_once), transfer, 0.9).reason == "not_worth_it"
    held = policy("", **at_once)
    document = structs.replace(
        held.document, costs=structs.replace(held.document.costs, hold_success=0.5)
    )
    assert decide(Policy(document, "v", FEATURES, at_once), transfer, 0.9).reason == "raised"
    small = facts(status="attempted", amount_minor=100)  # a trial payment, with more to come
    more = {"raise": 0.2, "later_minor.attempted": 1_000_000.0}
    assert decide(policy(**more), small, 0.9).reason == "raised"


def test_a_worker_has_a_budget_a_day() -> None:
    p = policy()
    document = structs.replace(p.document, budgets=structs.replace(p.document.budgets, per_day=2))
    p = Policy(document, "v", FEATURES, {"raise": 0.2})
    spending = DistrictSpending(24)
    seen = []
    for number in range(3):
        f = facts(subscriber=number, district=f"D{number}", status="attempted", amount_minor=10**6,
                  spent=spending.spent_in_all(NOW))  # fmt: skip
        decision = decide(p, f, 0.5)
        seen.append(decision.reason)
        if decision.counts:
            spending.note(f"D{number}", NOW)
    assert seen == ["raised", "raised", "suppressed_daily_budget"]
    worst = facts(status="attempted", amount_minor=10**8, spent=spending.spent_in_all(NOW))
    assert decide(p, worst, 0.5).reason == "raised"  # critical: exempt
    assert spending.spent_in_all(NOW + 25 * HOUR) == 0


def test_a_tenant_has_a_budget_an_hour_and_spends_no_other_tenants() -> None:
    p = policy()
    budgets = structs.replace(p.document.budgets, per_tenant_hour=2, tenants={"large": 3})
    p = Policy(structs.replace(p.document, budgets=budgets), "v", FEATURES, {"raise": 0.2})
    spending = DistrictSpending(24)
    seen: dict[str, list[str]] = {"small": [], "large": []}

    def one(tenant: str, number: int, time_ms: int, amount_minor: int = 10**6) -> str:
        f = facts(subscriber=number, tenant=tenant, status="attempted", amount_minor=amount_minor,
                  event_time_ms=time_ms,
                  tenant_spent=spending.spent_by_tenant(tenant, time_ms))  # fmt: skip
        decision = decide(p, f, 0.5)
        if decision.counts:
            spending.note("D01", time_ms, tenant)
        return decision.reason

    for number in range(5):
        for tenant, reasons in seen.items():
            reasons.append(one(tenant, number, NOW))
    over = "suppressed_tenant_budget"
    assert seen["small"] == ["raised"] * 2 + [over] * 3
    assert seen["large"] == ["raised"] * 3 + [over] * 2
    assert one("small", 9, NOW, amount_minor=10**8) == "raised"  # critical: exempt
    assert one("small", 10, NOW + HOUR) == "raised"  # the next hour of the clock
    assert spending.spent_by_tenant("small", NOW) == 0, "an hour that is over has no budget"


def test_tenants_without_a_bound_do_not_fill_the_memory() -> None:
    spending = DistrictSpending(24)
    for number in range(MAX_TENANTS + 5):
        spending.note("D01", NOW, f"tenant-{number}")
    assert spending.spent_by_tenant(f"tenant-{MAX_TENANTS - 1}", NOW) == 1
    assert spending.spent_by_tenant(f"tenant-{MAX_TENANTS}", NOW) == 0
