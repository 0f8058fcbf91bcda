"""What is known, and when: reports are late and partial, and an intervention changes what happens."""

import polars as pl
import pytest

from forewarn.simulator import Scenario, Town, simulate


@pytest.fixture(scope="module")
def helped() -> Town:
    """The same town with frequent interventions."""
    return simulate(
        Scenario(seed=7, subscribers=1_500, days=21, prevalence=0.02, intervention_share=0.6)
    )


def test_reports_follow_the_events_they_report_and_stay_within_the_period(town: Town) -> None:
    known = town.reports.join(town.truth, on="episode_id")
    assert known.height == town.reports.height > 30
    assert (known["label_time_ms"] > known["began_ms"]).all()
    lost = known.filter(pl.col("disposition") == "loss_occurred")
    assert (lost["label_time_ms"] > lost["first_loss_ms"].fill_null(0)).all()
    assert (known["label_time_ms"] < town.scenario.end_ms).all()
    hours = (lost["label_time_ms"] - lost["first_loss_ms"]) / 3_600_000
    assert hours.median() > 2


def test_not_every_loss_is_ever_reported(town: Town) -> None:
    losers = town.truth.filter(pl.col("lost_minor") > 0)
    reported = losers["episode_id"].is_in(town.reports["episode_id"].implode()).mean()
    assert 0.25 < reported < 0.75
    assert (town.reports["typology"] == "unknown").mean() == pytest.approx(0.12, abs=0.08)


def test_reports_name_only_parties_of_the_fraud(town: Town) -> None:
    mine = town.labels.filter(pl.col("is_fraud")).select("event_id", "episode_id")
    calls = town.calls.join(mine, on="event_id")
    parties = (
        pl.concat(
            [
                calls.select("episode_id", name="caller"),
                calls.select("episode_id", name="callee"),
                town.transfers.join(mine, on="event_id").select("episode_id", name="payee_account"),
            ]
        )
        .unique()
        .with_columns(real=True)
    )
    named = pl.concat(
        [town.reports.select("episode_id", name=c).explode("name") for c in ("callers", "payees")]
    ).drop_nulls()
    assert named.height > 40
    assert named.join(parties, on=["episode_id", "name"], how="left")["real"].all()


def test_no_event_of_a_fraud_follows_an_intervention(helped: Town) -> None:
    stopped = helped.truth.filter(pl.col("intervened_ms").is_not_null())
    assert stopped.height > 20
    events = helped.labels.join(stopped.select("episode_id", "intervened_ms"), on="episode_id")
    transfers = helped.transfers.select("event_id", "status")
    later = events.filter(pl.col("event_time_ms") > pl.col("intervened_ms")).join(
        transfers, on="event_id", how="left"
    )
    # Only the bank's word on a payment that was stopped comes afterwards, or money that comes back.
    assert set(later["status"].drop_nulls()) <= {"blocked", "reversed"}
    assert later["status"].null_count() == 0


def test_an_intervention_saves_money_and_the_report_says_so(town: Town, helped: Town) -> None:
    assert helped.truth["spared_minor"].sum() > 0
    assert helped.truth["lost_minor"].sum() < town.truth["lost_minor"].sum()
    dissuaded = helped.reports.filter(pl.col("disposition") == "dissuaded")
    assert dissuaded.height > 10
    assert dissuaded["lost_minor"].sum() == 0
    assert dissuaded["prevented_minor"].sum() > 0
    assert town.truth["spared_minor"].sum() == 0


def test_hard_negatives_are_there_and_are_not_fraud(town: Town) -> None:
    honest = town.labels.filter(~pl.col("is_fraud"))
    wanted = {
        "courier", "sales_call", "bank_callback", "grandparent_gift", "house_deposit",
        "relative_abroad", "payroll", "hospital", "honest_loan", "urgent_favour", "line_habit",
    }  # fmt: skip
    assert set(honest["scene"]) == wanted
    assert honest["episode_id"].null_count() == honest.height
