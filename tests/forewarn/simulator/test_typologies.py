"""Each typology keeps to its script: what is known of it from police reports (docs/simulator.md)."""

from functools import cache

import polars as pl
import pytest

from forewarn.simulator import Scenario, Town, simulate
from forewarn.simulator.town_scenario import TYPOLOGY_SHARES

MINUTE_MS = 60_000
DAY_MS = 86_400_000


@cache
def town_of(typology: str) -> Town:
    """A town in which all swindlers do the same."""
    return simulate(
        Scenario(
            seed=23, subscribers=500, days=20, prevalence=0.08, intervention_share=0.0,
            typology_shares={typology: 1.0},
        )
    )  # fmt: skip


def payments(town: Town) -> pl.DataFrame:
    """What engaged victims attempted to pay, with the call (if any) they were in."""
    mine = town.labels.filter(pl.col("scene") == "fraud").select("event_id", "episode_id", "stage")
    paid = town.transfers.filter(
        (pl.col("direction") == "outgoing") & (pl.col("status") == "attempted")
    ).join(mine, on="event_id")
    talks = (
        town.calls.filter(pl.col("type") == "call_ended")
        .join(mine.select("event_id"), on="event_id")
        .select("subscriber", "started_at_ms", ended_ms="event_time_ms")
        .sort("started_at_ms")
    )
    return (
        paid.sort("event_time_ms")
        .join_asof(
            talks, left_on="event_time_ms", right_on="started_at_ms", by="subscriber",
            check_sortedness=False,
        )
        .with_columns(on_call=(pl.col("ended_ms") > pl.col("event_time_ms")).fill_null(False))
        .sort("episode_id", "event_time_ms")
    )  # fmt: skip


def share_called(town: Town) -> float:
    """Share of engaged episodes with an answered call."""
    engaged = town.labels.filter(pl.col("engaged") & (pl.col("scene") == "fraud"))
    called = engaged.filter(pl.col("topic") == "calls")["episode_id"].n_unique()
    return called / engaged["episode_id"].n_unique()


@pytest.mark.parametrize("typology", TYPOLOGY_SHARES)
def test_victims_differ_in_how_far_they_go(typology: str) -> None:
    """Some pay nothing, some once, some again and again; and not all that is tried is lost."""
    town = town_of(typology)
    engaged = town.truth.filter("engaged")
    assert engaged.height >= 25
    assert set(engaged["typology"]) == {typology}
    paying = payments(town).group_by("episode_id").len()
    if typology != "purchase_game":  # engaged victims have paid there
        assert 0.1 < paying.height / engaged.height < 0.95
    assert paying["len"].max() >= 2
    assert paying["len"].min() == 1
    assert 0 < engaged["lost_minor"].sum() < engaged["attempted_minor"].sum()


def test_task_scams_return_bait_before_the_sums_rise() -> None:
    town = town_of("task_scam")
    paid = payments(town)
    trial = paid.filter(pl.col("stage") == "trial")["amount_minor"].median()
    steps = paid.filter(pl.col("stage") == "escalation")["amount_minor"].median()
    assert steps > 10 * trial
    bait = town.transfers.join(
        town.labels.filter((pl.col("stage") == "trial") & (pl.col("scene") == "fraud")),
        on="event_id",
    ).filter(pl.col("direction") == "incoming")
    assert bait.height > 20
    assert share_called(town) < 0.6


@pytest.mark.parametrize("typology", ["task_scam", "purchase_game", "investment_romance"])
def test_some_scams_do_without_a_call(typology: str) -> None:
    assert share_called(town_of(typology)) < 0.7


@pytest.mark.parametrize(
    "typology",
    ["police_impersonation", "fake_customer_service", "safe_account", "boss_acquaintance"],
)
def test_victims_of_these_pay_while_the_swindler_is_on_the_line(typology: str) -> None:
    paid = payments(town_of(typology))
    assert 0.25 < paid["on_call"].mean() < 0.98


def test_police_impersonation_isolates_and_lasts() -> None:
    town = town_of("police_impersonation")
    changes = town.labels.filter((pl.col("stage") == "isolation") & (pl.col("scene") == "fraud"))
    assert changes["episode_id"].n_unique() > 0.2 * town.truth["engaged"].sum()
    calls = town.calls.join(
        town.labels.filter(pl.col("stage") == "long_call").select("event_id", "episode_id"),
        on="event_id",
    ).filter(pl.col("type") == "call_ended")
    assert calls["duration_ms"].median() > 20 * MINUTE_MS
    relayed = calls.group_by("episode_id").agg(pl.col("caller").n_unique())
    assert relayed["caller"].max() >= 2


def test_investment_scams_take_days_and_police_impersonation_takes_hours() -> None:
    spans = {}
    for typology in ("investment_romance", "police_impersonation"):
        truth = town_of(typology).truth.filter(pl.col("first_loss_ms").is_not_null())
        began = truth["first_loss_ms"] - truth["began_ms"]
        spans[typology] = began.median()
    assert spans["investment_romance"] > DAY_MS
    assert spans["police_impersonation"] < 4 * 60 * MINUTE_MS


def test_some_safe_account_calls_show_a_real_banks_number() -> None:
    town = town_of("safe_account")
    fraud = town.labels.filter(pl.col("scene") == "fraud").select("event_id")
    callers = town.calls.join(fraud, on="event_id").filter(pl.col("type") == "call_ended")["caller"]
    banks = town.texts.numbers.gather(town.world.businesses.bank_numbers)
    assert 0.15 < callers.is_in(banks.implode()).mean() < 0.6


def test_rings_rotate_numbers_and_burn_accounts() -> None:
    town = town_of("credit_loan")
    ring = town.labels.filter(pl.col("is_fraud"))["ring_id"].mode().sort()[0]
    mine = town.labels.filter(pl.col("ring_id") == ring).select("event_id")
    calls = town.calls.join(mine, on="event_id").filter(pl.col("direction") == "inbound")
    paid = town.transfers.join(mine, on="event_id").filter(pl.col("direction") == "outgoing")
    assert calls["caller"].n_unique() >= 6
    lives = calls.group_by("caller").agg(
        (pl.col("event_time_ms").max() - pl.col("event_time_ms").min()).alias("ms")
    )
    assert lives["ms"].median() < 6 * DAY_MS
    assert paid["payee_account"].n_unique() >= 3


def test_mules_pass_on_what_they_get_mostly_within_the_hour() -> None:
    town = town_of("task_scam")
    mules = town.labels.filter(pl.col("scene") == "mule").select("event_id", "stage", "episode_id")
    events = town.transfers.join(mules, on="event_id")
    got = events.filter(pl.col("stage") == "receipt").sort("event_time_ms")
    onward = events.filter((pl.col("stage") == "onward") & (pl.col("status") == "attempted"))
    pairs = onward.sort("event_time_ms").join_asof(
        got.select("event_time_ms", "episode_id", got_ms="event_time_ms"), on="event_time_ms",
        by="episode_id", check_sortedness=False,
    )  # fmt: skip
    waited = (pairs["event_time_ms"] - pairs["got_ms"]).drop_nulls()
    assert waited.len() > 50
    assert (waited < 60 * MINUTE_MS).mean() > 0.6
    assert (waited > 60 * MINUTE_MS).any()


def test_some_mules_are_paid_by_mules_and_pay_on_again() -> None:
    """Two layers: money that reached a lent account goes to another subscriber's lent account."""
    town = simulate(Scenario(seed=31, subscribers=3_000, days=14, prevalence=0.03))
    mules = town.labels.filter(pl.col("scene") == "mule").select("event_id", "stage", "episode_id")
    events = town.transfers.join(mules, on="event_id")
    got = events.filter(pl.col("stage") == "receipt")
    sent = events.filter((pl.col("stage") == "onward") & (pl.col("status") == "completed"))
    lent = sent["payer_account"].unique()
    second = got.filter(pl.col("payer_account").is_in(lent.implode()))
    assert second["episode_id"].n_unique() >= 5
    paid_on = sent.filter(pl.col("episode_id").is_in(second["episode_id"].unique().implode()))
    assert paid_on["episode_id"].n_unique() >= 5
    # Every one of these receipts left another lent account, as much as arrived.
    moved = second.join(
        sent.select("payer_account", "payee_account", "amount_minor"),
        on=["payer_account", "payee_account", "amount_minor"], how="semi",
    )  # fmt: skip
    assert moved.height == second.height
    # The second layer ends there: nothing of it reaches a lent account again.
    assert not set(second["payer_account"]) & set(paid_on["payer_account"])


def test_victims_are_as_old_as_the_police_count_them(town: Town) -> None:
    """National figures of 2023: mean age 37; 62.1 % are 18 to 40, 33.1 % are 41 to 65."""
    large = simulate(Scenario(seed=31, subscribers=4_000, days=20, prevalence=0.03))
    ages = large.truth.filter("engaged").join(large.people, left_on="victim", right_on="subscriber")
    assert ages.height > 700
    assert ages["age"].mean() == pytest.approx(37, abs=3)
    assert (ages["age_group"] == "18-40").mean() == pytest.approx(0.621, abs=0.07)
    assert (ages["age_group"] == "41-65").mean() == pytest.approx(0.331, abs=0.07)
