"""Card payments of a made-up town, after the published description of a well-known simulator.

The description is that of the Fraud Detection Handbook (Le Borgne, Siblini, Lebichot, Bontempi 2022, chapter 3,
"Transaction data simulator"); the program is ours. Customers and terminals lie in a square of 100 by 100. A customer
has a mean number of payments a day (0 to 4), a mean amount (5 to 100, standard deviation half of it), and pays at
terminals within a distance of 5. Three kinds of fraud:

1. Every payment above 220 is one.
2. Each day two terminals are compromised; for 28 days every payment there is one.
3. Each day three customers are compromised; for 14 days a third of their payments is five times as large, and one.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

DAY_S = 86_400
START = "2018-04-01"

LARGE_AMOUNT = 220.0
TERMINALS_A_DAY, TERMINAL_DAYS = 2, 28
CUSTOMERS_A_DAY, CUSTOMER_DAYS = 3, 14


@dataclass(frozen=True, slots=True, kw_only=True)
class CardTown:
    """How large the town is, and for how many days it pays."""

    customers: int = 5_000
    terminals: int = 10_000
    days: int = 183
    radius: float = 5.0
    seed: int = 0


def card_payments(town: CardTown = CardTown()) -> pl.DataFrame:
    """All payments in order of time, with the columns of the original.

    Returns:
        TRANSACTION_ID, TX_DATETIME, CUSTOMER_ID, TERMINAL_ID, TX_AMOUNT, TX_TIME_SECONDS, TX_TIME_DAYS, TX_FRAUD,
        TX_FRAUD_SCENARIO (0: honest).
    """
    rng = np.random.default_rng(town.seed)
    home = rng.uniform(0, 100, (town.customers, 2))
    place = rng.uniform(0, 100, (town.terminals, 2))
    mean_amount = rng.uniform(5, 100, town.customers)
    daily = rng.uniform(0, 4, town.customers)
    parts = [
        _payments_of(rng, customer, np.flatnonzero(
            ((place - home[customer]) ** 2).sum(axis=1) < town.radius**2
        ), float(mean_amount[customer]), float(daily[customer]), town.days)
        for customer in range(town.customers)
    ]  # fmt: skip
    customer, terminal, second, amount = (
        np.concatenate(columns) for columns in zip(*parts, strict=True)
    )
    order = np.argsort(second, kind="stable")
    customer, terminal, second, amount = (
        customer[order],
        terminal[order],
        second[order],
        amount[order],
    )
    scenario, amount = _frauds(rng, town, customer, terminal, second // DAY_S, amount)
    start = pl.Series([START]).str.to_datetime("%Y-%m-%d", time_unit="ms")[0]
    return pl.DataFrame(
        {
            "TRANSACTION_ID": np.arange(len(second)),
            "TX_DATETIME": pl.Series(second * 1000).cast(pl.Duration("ms")) + start,
            "CUSTOMER_ID": customer, "TERMINAL_ID": terminal, "TX_AMOUNT": amount.round(2),
            "TX_TIME_SECONDS": second, "TX_TIME_DAYS": second // DAY_S,
            "TX_FRAUD": (scenario > 0).astype(np.int8), "TX_FRAUD_SCENARIO": scenario,
        }
    )  # fmt: skip


def _payments_of(
    rng: np.random.Generator, customer: int, near: np.ndarray, mean: float, daily: float, days: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Customer, terminal, second and amount of each payment of one customer."""
    day = np.repeat(np.arange(days), rng.poisson(daily, days))
    second = np.rint(rng.normal(DAY_S / 2, 20_000, len(day))).astype(np.int64)
    kept = (second > 0) & (second < DAY_S) & (len(near) > 0)
    day, second = day[kept], second[kept]
    amount = rng.normal(mean, mean / 2, len(day))
    amount = np.where(amount < 0, rng.uniform(0, 2 * mean, len(day)), amount)
    terminal = near[rng.integers(0, max(1, len(near)), len(day))]
    return np.full(len(day), customer), terminal, day * DAY_S + second, amount


def _frauds(
    rng: np.random.Generator, town: CardTown, customer: np.ndarray, terminal: np.ndarray,
    day: np.ndarray, amount: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """The scenario of each payment, a later one over an earlier one, and the amounts after it."""
    scenario = np.where(amount > LARGE_AMOUNT, 1, 0)
    first = np.searchsorted(day, np.arange(town.days + 1))
    for begun in range(town.days):
        rows = np.arange(first[begun], first[min(begun + TERMINAL_DAYS, town.days)])
        bad = rng.choice(town.terminals, TERMINALS_A_DAY, replace=False)
        scenario[rows[np.isin(terminal[rows], bad)]] = 2
    amount = amount.copy()
    for begun in range(town.days):
        rows = np.arange(first[begun], first[min(begun + CUSTOMER_DAYS, town.days)])
        bad = rng.choice(town.customers, CUSTOMERS_A_DAY, replace=False)
        theirs = rows[np.isin(customer[rows], bad)]
        chosen = rng.choice(theirs, len(theirs) // 3, replace=False)
        amount[chosen] *= 5
        scenario[chosen] = 3
    return scenario, amount
