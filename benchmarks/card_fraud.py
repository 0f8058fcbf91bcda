"""The engine's features on a public card-fraud benchmark, beside those of the table path.

    python benchmarks/card_fraud.py [--seed 0] [--json FILE]

Payments come from ``benchmarks.card_simulator``. To the engine each is an attempted and a completed transfer of the
customer to the terminal as payee, and each fraud is confirmed seven days later. Both paths are trained on seven days
(25 July to 1 August 2018), wait seven for labels, and are tested on seven (8 to 15 August); cards whose fraud was
known leave the test. The best published figures of this protocol, on the original data, are an average precision of
.694 and a card precision at 100 of .304.
"""

import argparse
import json
import os
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.card_simulator import CardTown, card_payments
from features import kinds
from features.catalog import CATALOG
from features.engine import Engine
from features.event_columns import EventColumns, from_arrays
from features.kinds import EventKind as K
from features.offline.history_runner import HistoryRunner
from forewarn.simulator.default_training import AGES, CLOCKS
from models.evaluation.ranking_measures import average_precision, precision_at_k, roc_auc
from models.tabular.table_dataset import TableOptions, dataset_of_table, table_options
from models.training.train_options import TrainOptions
from models.training.training_dataset import DAY_MS, Dataset, make_dataset
from models.training.training_run import TrainingResult, fit

DELAY_DAYS = 7
TRAIN_FROM, TEST_FROM, TEST_UNTIL = "2018-07-25", "2018-08-08", "2018-08-15"
OPTIONS = TableOptions(
    label="TX_FRAUD", time="TX_DATETIME", group="CUSTOMER_ID", entities=("TERMINAL_ID",),
    drop=("TX_FRAUD_SCENARIO",), label_delay_days=DELAY_DAYS, split_by="time",
    train_from=TRAIN_FROM, test_from=TEST_FROM, test_until=TEST_UNTIL, leave_known=True,
)  # fmt: skip
K_CARDS = 100
_TERMINALS = 1 << 40
_SALT = np.uint64(0x9E3779B97F4A7C15)


def moment(day: str) -> int:
    """UTC milliseconds of a day's beginning."""
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1000)


def events_of(payments: pl.DataFrame) -> EventColumns:
    """Attempts, completions a second later, and confirmations a week after the frauds, in order of time."""
    time_ms = payments["TX_DATETIME"].cast(pl.Datetime("ms")).to_physical().to_numpy()
    customer = payments["CUSTOMER_ID"].to_numpy().astype(np.uint64) + np.uint64(1)
    terminal = payments["TERMINAL_ID"].to_numpy().astype(np.uint64) + np.uint64(_TERMINALS)
    subject = payments["TRANSACTION_ID"].to_numpy().astype(np.uint64) + np.uint64(1)
    minor = (payments["TX_AMOUNT"].to_numpy() * 100).round().astype(np.int64)
    fraud = np.flatnonzero(payments["TX_FRAUD"].to_numpy() == 1)
    n, known = len(payments), len(fraud)
    kind = np.repeat([K.OUT_ATTEMPTED, K.OUT_COMPLETED, K.OUTCOME], [n, n, known])
    times = np.r_[time_ms, time_ms + 1_000, time_ms[fraud] + DELAY_DAYS * DAY_MS]
    flags = np.repeat(
        [kinds.ACCOUNT, kinds.ACCOUNT, kinds.ACCOUNT | kinds.CONFIRMED], [n, n, known]
    )
    rows = np.r_[np.arange(n), np.arange(n), fraud]
    case = np.where(kind == K.OUTCOME, subject[rows] + np.uint64(1 << 50), subject[rows])
    order = np.argsort(times, kind="stable")
    return from_arrays(
        kind=kind[order], time_ms=times[order], subscriber=(customer[rows] * _SALT)[order],
        counterparty=(terminal[rows] * _SALT)[order], subject=(case * _SALT)[order],
        amount_minor=np.where(kind == K.OUTCOME, 0, minor[rows])[order], flags=flags[order],
        source=np.where(kind == K.OUTCOME, 2, 1)[order], offset=np.arange(len(order)),
    )  # fmt: skip


def engine_dataset(payments: pl.DataFrame) -> Dataset:
    """One row an attempted payment of the days that are trained or tested on; earlier ones are history."""
    columns = events_of(payments)
    from_ms, until_ms = moment(TRAIN_FROM), moment(TEST_UNTIL)
    columns = columns.take(columns.time_ms < until_ms)
    vectors, parts = [], []
    for result in HistoryRunner(Engine(CATALOG), threads=1).slices(columns, slice_events=200_000):
        part = result.plan.columns
        rows = np.flatnonzero((part.kind == K.OUT_ATTEMPTED) & (part.time_ms >= from_ms))
        vectors.append(result.vectors[rows])
        parts.append(part.take(rows))
    time_ms = np.concatenate([part.time_ms for part in parts])
    label = _labels(payments, np.concatenate([part.subject for part in parts]))
    group = np.concatenate([part.subscriber for part in parts])
    return make_dataset(
        np.concatenate(vectors), CATALOG.names, fingerprint=CATALOG.fingerprint, time_ms=time_ms,
        label=label, label_time_ms=time_ms + DELAY_DAYS * DAY_MS, group=group,
        amount_minor=np.concatenate([part.amount_minor for part in parts]),
        episode=np.where(label == 1, np.unique(group, return_inverse=True)[1], -1),
    )  # fmt: skip


def _labels(payments: pl.DataFrame, subject: np.ndarray) -> np.ndarray:
    keys = (payments["TRANSACTION_ID"].to_numpy().astype(np.uint64) + np.uint64(1)) * _SALT
    order = np.argsort(keys)
    return payments["TX_FRAUD"].to_numpy()[order[np.searchsorted(keys[order], subject)]]


def engine_options(table: TrainOptions) -> TrainOptions:
    """Those of the table path, with what training knows of the catalog's features."""
    signs = zip(CATALOG.names, CATALOG.monotone, strict=True)
    return replace(
        table,
        monotone={name: sign for name, sign in signs if sign},
        exclude=CLOCKS,
        ages=AGES,
        files={},
    )


def figures(run: TrainingResult) -> dict[str, float]:
    """Average precision and card precision of the test part."""
    test, label, weight = run.split.parts["test"], run.label("test"), run.weight("test")
    score = run.estimator.decision_function(test.vectors)
    return {
        "test_rows": len(test),
        "test_frauds": int(label.sum()),
        "average_precision": round(average_precision(score, label, weight), 4),
        f"card_precision_at_{K_CARDS}": round(
            precision_at_k(
                score, label, weight, test.time_ms, test.group, K_CARDS,
                from_ms=run.split.from_ms["test"], until_ms=run.split.until_ms["test"],
            ), 4,
        ),
        "roc_auc": round(roc_auc(score, label, weight), 4),
    }  # fmt: skip


def main() -> None:
    """Print the figures of both paths as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write the figures here, too")
    parser.add_argument("--without-table", action="store_true", help="the engine alone")
    options = parser.parse_args()
    payments = card_payments(CardTown(seed=options.seed))
    found: dict[str, Any] = {
        "load_average": os.getloadavg()[0],
        "payments": len(payments),
        "frauds": int(payments["TX_FRAUD"].sum()),
    }
    framed = dataset_of_table(payments, OPTIONS)
    chosen = table_options(0, framed, OPTIONS)
    if not options.without_table:
        found["table"] = figures(fit(framed.dataset, chosen))
    print(json.dumps(found), file=sys.stderr)
    found["engine"] = figures(fit(engine_dataset(payments), engine_options(chosen)))
    text = json.dumps(found, indent=2)
    print(text)
    if options.json:
        options.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
