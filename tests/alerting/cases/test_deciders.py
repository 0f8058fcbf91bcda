"""The pure deciders of cases and of the ledger."""

from hypothesis import given
from hypothesis import strategies as st

from alerting.cases.correlation import OpenCase, correlate
from alerting.cases.ledger.loss_estimate import (
    NOT_A_TRANSFER,
    WarnedMoney,
    confirm,
    estimate,
    take_back,
)
from alerting.cases.lifecycle import STATES, CaseFacts, decide_step
from alerting.cases.severity import Deadlines, urgency
from tests.alerting.factory import CALLER, NOW_MS, warning

STEPS = ("dispatch", "claim", "acknowledge", "release", "assign", "contact", "close", "reopen")
HOUR_MS = 3_600_000


def facts(state: str, holder: str | None = None) -> CaseFacts:
    return CaseFacts(state, holder, contact_attempts=0)


def test_the_lifecycle_allows_these_steps_and_no_others() -> None:
    allowed = {
        (state, step)
        for state in STATES
        for step in STEPS
        if decide_step(step, facts(state, "li"), "li").allowed
    }
    assert allowed == {
        ("text_only", "claim"), ("text_only", "assign"),
        ("new", "dispatch"), ("new", "claim"), ("new", "acknowledge"), ("new", "assign"),
        ("dispatched", "claim"), ("dispatched", "acknowledge"), ("dispatched", "assign"),
        ("acknowledged", "claim"), ("acknowledged", "release"), ("acknowledged", "assign"),
        ("acknowledged", "contact"), ("acknowledged", "close"),
        ("in_contact", "claim"), ("in_contact", "release"), ("in_contact", "assign"),
        ("in_contact", "contact"), ("in_contact", "close"),
        ("closed", "reopen"),
    }  # fmt: skip


def test_only_the_holder_acts_unless_allowed_to_override() -> None:
    for step in ("claim", "release", "contact", "close"):
        assert decide_step(step, facts("acknowledged", "li"), "wang").reason == "held_by_another"
        assert decide_step(step, facts("acknowledged", "li"), "wang", overrides=True).allowed


def test_deadlines_are_one_three_and_five_minutes_from_the_warning() -> None:
    due = Deadlines()
    assert [due.deadline_ms(name, 0) // 60_000 for name in ("critical", "high", "medium")] == [
        1,
        3,
        5,
    ]


def test_twice_the_loss_is_as_urgent_as_half_the_time() -> None:
    assert urgency(1_999_999, NOW_MS + 60_000, NOW_MS) == urgency(999_999, NOW_MS + 30_000, NOW_MS)
    assert urgency(100, NOW_MS - 60_000, NOW_MS) == urgency(100, NOW_MS + 1_000, NOW_MS)


def case(case_id: str = "c-1", **changes: object) -> OpenCase:
    fields = {
        "typology": "police_impersonation", "currency": "CNY", "first_event_ms": NOW_MS,
        "last_event_ms": NOW_MS, "peers": frozenset(),
    }  # fmt: skip
    return OpenCase(case_id=case_id, **(fields | changes))


def test_correlation_names_its_reason() -> None:
    one = warning()
    known = frozenset({CALLER})
    far = {"first_event_ms": 0, "last_event_ms": 0}
    for cases, expected in (
        ([], (None, "first_of_its_scam")),
        ([case()], ("c-1", "close_in_time")),
        ([case(typology="task_scam")], (None, "first_of_its_scam")),
        ([case(typology="unknown")], ("c-1", "close_in_time")),
        ([case(**far)], (None, "first_of_its_scam")),
        ([case(**far, peers=known)], ("c-1", "same_swindler")),
        ([case(), case("c-2", **far, peers=known)], ("c-2", "same_swindler")),
        ([case(currency="USD", peers=known)], (None, "first_of_its_scam")),
        ([case(closed=True, peers=known)], (None, "swindler_of_a_closed_case")),
        ([case(closed=True)], (None, "first_of_its_scam")),
    ):
        found = correlate(one, cases, window_ms=HOUR_MS)
        assert (found.case_id, found.reason) == expected, cases


def money(**changes: object) -> WarnedMoney:
    fields = {
        "transfer_id": "t-1", "status": "attempted", "event_time_ms": NOW_MS,
        "amount_minor": 1_000, "expected_loss_minor": 900,
    }  # fmt: skip
    return WarnedMoney(**(fields | changes))


CALL = money(transfer_id=None, status="on_call", amount_minor=5_000, expected_loss_minor=4_000)


def test_a_call_counts_only_until_there_is_a_transfer() -> None:
    assert estimate([CALL]) == {NOT_A_TRANSFER: 4_000}
    assert estimate([CALL, money()]) == {"t-1": 900}
    assert estimate([CALL, money(status="completed")]) == {}


def test_what_was_attempted_and_did_not_go_through_is_prevented() -> None:
    rules = {"stated_minor": None, "window_ms": HOUR_MS}
    several = [
        money(),
        money(transfer_id="t-2", status="completed"),
        money(transfer_id="t-3", status="blocked"),
    ]
    assert confirm("dissuaded", several, **rules) == {"t-1": 1_000, "t-3": 1_000}
    assert confirm("loss_occurred", several, **rules) == {"t-3": 1_000}
    assert confirm("false_alarm", several, **rules) == {}
    assert confirm("dissuaded", [CALL], **rules) == {NOT_A_TRANSFER: 4_000}
    assert confirm("dissuaded", [money(claimed_elsewhere=True)], **rules) == {}
    early = money(transfer_id="t-0", event_time_ms=NOW_MS - HOUR_MS - 1)
    assert confirm("dissuaded", [early, money()], **rules) == {"t-1": 1_000}


amounts = st.integers(0, 10**9)


@given(
    st.dictionaries(st.sampled_from(["", "a", "b", "c"]), amounts.filter(bool)),
    st.sampled_from([None, "a", "b", "z"]),
    amounts,
)
def test_taking_back_never_goes_below_zero_nor_takes_more_than_was_lost(
    confirmed: dict[str, int], transfer_id: str | None, lost: int
) -> None:
    left = take_back(confirmed, transfer_id=transfer_id, lost_minor=lost)
    assert all(0 < left[key] <= confirmed[key] for key in left)
    taken = sum(confirmed.values()) - sum(left.values())
    assert taken == min(lost, sum(confirmed.values()))
    if transfer_id in confirmed:
        assert left.get(transfer_id, 0) == max(0, confirmed[transfer_id] - lost)


@given(st.lists(amounts, min_size=1, max_size=5), amounts)
def test_a_stated_amount_is_taken_as_said_up_to_what_was_at_risk(
    attempted: list[int], stated: int
) -> None:
    warned = [money(transfer_id=f"t-{n}", amount_minor=one) for n, one in enumerate(attempted)]
    found = confirm("dissuaded", warned, stated_minor=stated, window_ms=HOUR_MS)
    assert sum(found.values()) == min(stated, sum(attempted))
    assert all(found.get(f"t-{n}", 0) <= one for n, one in enumerate(attempted))
