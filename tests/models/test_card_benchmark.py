"""The card-fraud benchmark asks both paths about the same payments, and tells neither what is not known yet."""

import numpy as np
import polars as pl
import pytest

from benchmarks.card_fraud import DELAY_DAYS, engine_dataset, events_of, moment
from benchmarks.card_simulator import (
    CUSTOMER_DAYS,
    LARGE_AMOUNT,
    START,
    TERMINAL_DAYS,
    CardTown,
    card_payments,
)
from features.catalog import CATALOG
from features.kinds import EventKind as K
from models.training.training_dataset import DAY_MS

TOWN = CardTown(customers=60, terminals=100, days=140, radius=12.0, seed=3)


@pytest.fixture(scope="module")
def payments() -> pl.DataFrame:
    return card_payments(TOWN)


def test_the_town_is_that_of_the_description(payments: pl.DataFrame) -> None:
    assert payments["TX_TIME_SECONDS"].is_sorted()
    assert payments["TX_DATETIME"].min() >= pl.Series([START]).str.to_datetime()[0]
    daily = payments.group_by("CUSTOMER_ID").len()["len"] / TOWN.days
    assert 1.5 < daily.mean() < 2.5  # uniform between 0 and 4
    assert daily.max() < 5
    assert payments["TX_AMOUNT"].min() >= 0
    honest = payments.filter(pl.col("TX_FRAUD_SCENARIO") == 0)
    assert honest["TX_AMOUNT"].max() <= LARGE_AMOUNT
    assert (
        payments["TX_FRAUD"].to_list()
        == (payments["TX_FRAUD_SCENARIO"] > 0).cast(pl.Int8).to_list()
    )
    assert payments.equals(card_payments(TOWN))


def test_compromised_terminals_and_customers_recover(payments: pl.DataFrame) -> None:
    """Runs of fraud at one place last as long as the description says, unless drawn again."""
    for scenario, party, days in (
        (2, "TERMINAL_ID", TERMINAL_DAYS),
        (3, "CUSTOMER_ID", CUSTOMER_DAYS),
    ):
        theirs = payments.filter(pl.col("TX_FRAUD_SCENARIO") == scenario)
        spans = theirs.group_by(party).agg(
            span=pl.col("TX_TIME_DAYS").max() - pl.col("TX_TIME_DAYS").min()
        )["span"]
        assert (spans < days).any()
        assert len(spans) > 5


def test_a_fraud_is_an_outcome_of_its_terminal_a_week_later(payments: pl.DataFrame) -> None:
    columns = events_of(payments)
    assert (np.diff(columns.time_ms) >= 0).all()
    outcomes = columns.kind == K.OUTCOME
    assert outcomes.sum() == payments["TX_FRAUD"].sum()
    attempts = columns.take(columns.kind == K.OUT_ATTEMPTED)
    frauds = attempts.take(payments["TX_FRAUD"].to_numpy() == 1)
    assert (columns.time_ms[outcomes] - DELAY_DAYS * DAY_MS).tolist() == frauds.time_ms.tolist()
    assert columns.counterparty[outcomes].tolist() == frauds.counterparty.tolist()


def test_the_rows_of_the_engine_are_the_payments_of_the_table(payments: pl.DataFrame) -> None:
    dataset = engine_dataset(payments)
    rows = payments.filter(pl.col("TX_DATETIME").cast(pl.Datetime("ms")).to_physical().is_between(
        moment("2018-07-25"), moment("2018-08-15"), closed="left"
    ))  # fmt: skip
    assert dataset.label.tolist() == rows["TX_FRAUD"].to_list()
    amount = dataset.vectors[:, CATALOG.slot("amount")]
    assert np.allclose(amount, rows["TX_AMOUNT"].to_numpy() * 100)
    known = payments.filter(pl.col("TX_FRAUD") == 1)
    last = dataset.vectors[-1, CATALOG.slot("account_confirmed")]
    terminal, second = rows["TERMINAL_ID"][-1], rows["TX_TIME_SECONDS"][-1]
    assert (
        last
        == known.filter(
            (pl.col("TERMINAL_ID") == terminal)
            & (pl.col("TX_TIME_SECONDS") <= second - DELAY_DAYS * 86_400)
        ).height
    )
