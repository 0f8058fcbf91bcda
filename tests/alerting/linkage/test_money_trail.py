"""Money is followed in the order of payments, and none of it appears or vanishes on the way."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from alerting.linkage.money_rows import merged
from alerting.linkage.money_trail import Payment, Trail, follow
from alerting.linkage.stop_proposal import MANY_PAYERS, AccountFacts, propose_stops

MINUTE = 60_000


def trail_of(start: list[Payment], paid: list[Payment], hops: int = 3) -> Trail:
    def outflows(since: Mapping[str, int]) -> list[Payment]:
        return [one for one in paid if one.payer in since and one.at_ms >= since[one.payer]]

    return follow(start, outflows, hops=hops)


def left(trail: Trail) -> dict[str, int]:
    return {one.account: one.left_minor for one in trail.accounts}


def test_an_account_passes_on_what_arrived_in_the_order_of_time() -> None:
    start = [Payment("victim", "P", 100, 10), Payment("victim", "P", 50, 30)]
    paid = [
        Payment("P", "A", 500, 5),  # before the money came
        Payment("P", "B", 70, 20),
        Payment("P", "C", 60, 25),  # 30 of it are the person's
        Payment("P", "D", 20, 40),
        Payment("B", "E", 1_000, 50),
    ]
    trail = trail_of(start, paid)
    assert left(trail) == {"P": 30, "B": 0, "C": 30, "D": 20, "E": 70}
    assert {one.account: one.hop for one in trail.accounts} == {
        "P": 0,
        "B": 1,
        "C": 1,
        "D": 1,
        "E": 2,
    }
    assert [step.carried_minor for step in trail.steps if step.payment.payee == "C"] == [30]


def test_money_that_comes_back_to_an_account_of_the_trail_stays_there() -> None:
    paid = [Payment("P", "A", 100, 20), Payment("A", "P", 100, 30), Payment("P", "A", 100, 40)]
    trail = trail_of([Payment("victim", "P", 100, 10)], paid)
    assert sum(left(trail).values()) == 100
    assert left(trail)["P"] == 100


def test_the_trail_ends_after_the_hops_that_are_followed() -> None:
    paid = [Payment(a, b, 100, 20 + n) for n, (a, b) in enumerate(["PA", "AB", "BC", "CD"])]
    assert left(trail_of([Payment("victim", "P", 100, 10)], paid)) == {
        "P": 0, "A": 0, "B": 0, "C": 100,
    }  # fmt: skip


@given(
    st.lists(
        st.tuples(
            st.sampled_from("PABCDEF"),
            st.sampled_from("PABCDEF"),
            st.integers(1, 500),
            st.integers(0, 99),
        ),
        max_size=60,
    ),
    st.lists(st.tuples(st.integers(1, 300), st.integers(0, 50)), min_size=1, max_size=4),
    st.integers(0, 3),
)
def test_what_is_left_adds_up_to_what_the_person_paid(
    paid: list[tuple[str, str, int, int]], start: list[tuple[int, int]], hops: int
) -> None:
    first = [Payment("victim", "P", amount, at_ms) for amount, at_ms in start]
    trail = trail_of(first, [Payment(*one) for one in paid], hops)
    assert sum(left(trail).values()) == sum(amount for amount, _ in start)
    assert all(one.left_minor >= 0 for one in trail.accounts)
    assert all(0 < step.carried_minor <= step.payment.amount_minor for step in trail.steps)
    for step in trail.steps[len(first) :]:
        arrived = min(
            one.payment.at_ms for one in trail.steps if one.payment.payee == step.payment.payer
        )
        assert step.payment.at_ms >= arrived


def test_a_payment_that_both_sides_report_counts_once_and_two_equal_ones_twice() -> None:
    one, two = Payment("P", "A", 100, 10), Payment("P", "A", 100, 20)
    assert merged([one, two], [Payment("P", "A", 100, 11)]) == [one, two]
    assert merged([one], [Payment("P", "A", 100, 10), Payment("P", "B", 5, 10)]) == [
        one, Payment("P", "B", 5, 10),
    ]  # fmt: skip


def test_stops_are_ordered_by_what_can_still_be_saved() -> None:
    start = [Payment("victim", "P", 1_000, 0), Payment("victim", "Q", 600, 115 * MINUTE)]
    paid = [Payment("P", "A", 100, 110 * MINUTE), Payment("P", "B", 300, 100 * MINUTE)]
    trail = trail_of(start, paid)
    facts = {"B": AccountFacts(payers=MANY_PAYERS), "A": AccountFacts(trusted=True)}
    proposals = propose_stops(trail.accounts, facts, 120 * MINUTE)
    assert [(one.account.account, one.propose, one.reason) for one in proposals] == [
        ("Q", True, "money_may_be_left"),
        ("P", True, "money_may_be_left"),
        ("B", False, "has_many_payers"),
        ("A", False, "on_the_allow_list"),
    ]
    assert [one.saved_minor for one in proposals] == [300, 120, 150, 50]
    stopped = propose_stops(trail.accounts, {"Q": AccountFacts(stopped=True)}, 120 * MINUTE)
    assert next(one.reason for one in stopped if one.account.account == "Q") == "stopped_already"
    late = propose_stops(trail.accounts, {}, 100 * 60 * MINUTE)
    assert {one.reason for one in late} == {"too_old"}
