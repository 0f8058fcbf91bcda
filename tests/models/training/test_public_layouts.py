"""Tables in the layouts of public data sets go in as they come: same columns, same texts, same units.

The rows are made up here; only names and formats are those of the originals.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from forewarn.errors import ConfigurationError
from models.tabular.table_dataset import TableDataset, TableOptions, dataset_of_table, table_options
from models.training.train_artifact import train
from models.training.training_dataset import DAY_MS, HOUR_MS

N = 3_000
RNG = np.random.default_rng(0)
START = datetime(2019, 1, 1)  # noqa: DTZ001  # the originals name no zone
SECONDS = np.sort(RNG.integers(60, 70 * 86_400, N))
WHEN = [START + timedelta(seconds=int(s)) for s in SECONDS]
FRAUD = (RNG.random(N) < 0.06).astype(int)
AMOUNT = (RNG.lognormal(3, 1, N) * (1 + 3 * FRAUD)).round(2)
CARD = RNG.integers(0, 200, N)


def handbook() -> pl.DataFrame:
    """The simulated transactions of the Fraud Detection Handbook (Le Borgne et al. 2022)."""
    return pl.DataFrame({
        "TRANSACTION_ID": np.arange(N), "TX_DATETIME": [str(w) for w in WHEN], "CUSTOMER_ID": CARD,
        "TERMINAL_ID": RNG.integers(0, 400, N), "TX_AMOUNT": AMOUNT, "TX_TIME_SECONDS": SECONDS,
        "TX_TIME_DAYS": SECONDS // 86_400, "TX_FRAUD": FRAUD,
        "TX_FRAUD_SCENARIO": FRAUD * RNG.integers(1, 4, N),
    })  # fmt: skip


def ulb() -> pl.DataFrame:
    """creditcard.csv of the Université Libre de Bruxelles: two days, no cards."""
    parts = {f"V{i}": RNG.normal(size=N) + FRAUD * (i < 4) for i in range(1, 29)}
    time = np.floor(SECONDS / SECONDS.max() * 172_792)
    return pl.DataFrame({"Time": time, **parts, "Amount": AMOUNT, "Class": FRAUD})


def ieee() -> pl.DataFrame:
    """train_transaction.csv of IEEE-CIS: seconds from an unknown start, many holes."""
    holes = np.where(RNG.random(N) < 0.7, np.nan, RNG.random(N) * 100)
    mail = RNG.choice(["gmail.com", "yahoo.com", "anonymous.com", ""], N)
    return pl.DataFrame({
        "TransactionID": 2_987_000 + np.arange(N), "isFraud": FRAUD,
        "TransactionDT": SECONDS + 86_400, "TransactionAmt": AMOUNT,
        "ProductCD": RNG.choice(list("WHCSR"), N), "card1": 1_000 + CARD,
        **{f"card{i}": RNG.integers(100, 240, N).astype(float) for i in (2, 3, 5)},
        "card4": RNG.choice(["visa", "mastercard"], N), "card6": RNG.choice(["debit", "credit"], N),
        "addr1": RNG.integers(100, 500, N).astype(float), "addr2": np.full(N, 87.0),
        "dist1": holes, "dist2": np.full(N, np.nan),
        "P_emaildomain": mail, "R_emaildomain": [None] * N,
        **{f"C{i}": RNG.integers(0, 9, N).astype(float) for i in range(1, 15)},
        **{f"D{i}": holes for i in range(1, 16)},
        **{f"M{i}": RNG.choice(["T", "F", ""], N) for i in range(1, 10)},
        **{f"V{i}": holes + i for i in range(1, 6)},
    }, strict=False)  # fmt: skip


def paysim() -> pl.DataFrame:
    """PaySim: ``step`` counts hours, names are nearly unique, balances around the transfer."""
    step = np.sort(RNG.integers(1, 744, N))
    balance = AMOUNT * RNG.integers(1, 9, N)
    return pl.DataFrame({
        "step": step, "type": RNG.choice(["PAYMENT", "TRANSFER", "CASH_OUT", "DEBIT", "CASH_IN"], N),
        "amount": AMOUNT, "nameOrig": [f"C{i}" for i in RNG.permutation(10 * N)[:N]],
        "oldbalanceOrg": balance, "newbalanceOrig": balance - AMOUNT,
        "nameDest": [f"M{i}" for i in RNG.integers(0, N // 3, N)],
        "oldbalanceDest": balance * 2, "newbalanceDest": balance * 2 + AMOUNT,
        "isFraud": FRAUD, "isFlaggedFraud": np.zeros(N, int),
    })  # fmt: skip


def sparkov() -> pl.DataFrame:
    """fraudTrain.csv of Sparkov: a nameless first column, people in words, dates of birth."""

    def words(stem: str, size: int) -> list[str]:
        return [f"{stem} {i}" for i in RNG.integers(0, size, N)]

    born = [str((START - timedelta(days=9_000 + 31 * int(c))).date()) for c in CARD]
    return pl.DataFrame({
        "": np.arange(N), "trans_date_trans_time": [str(w) for w in WHEN],
        "cc_num": 4_000_000_000_000_000 + CARD * 7, "merchant": words("fraud_Rippin, Kub", 300),
        "category": RNG.choice(["misc_net", "grocery_pos", "gas_transport"], N), "amt": AMOUNT,
        "first": words("Jennifer", 90), "last": words("Banks", 90), "gender": RNG.choice(["F", "M"], N),
        "street": words("Perry Cove", 190), "city": words("Moravian Falls", 150),
        "state": RNG.choice(["NC", "WA", "ID"], N), "zip": 10_000 + CARD,
        "lat": RNG.normal(36, 1, N), "long": RNG.normal(-81, 1, N),
        "city_pop": RNG.integers(100, 10**6, N), "job": words("Psychologist, counselling", 99),
        "dob": born, "trans_num": [f"{i:032x}" for i in RNG.permutation(10**6)[:N]],
        "unix_time": 1_325_376_000 + SECONDS, "merch_lat": RNG.normal(36, 1, N),
        "merch_long": RNG.normal(-82, 1, N), "is_fraud": FRAUD,
    })  # fmt: skip


def _read(table: pl.DataFrame, tmp_path: Path, options: TableOptions) -> TableDataset:
    path = tmp_path / "table.csv"
    table.write_csv(path)
    framed = dataset_of_table(path, options)
    named = {one.about for one in framed.findings}
    clock = {"hour_of_day"} if framed.schema.dated else set()
    assert {options.label, "hour_of_day"} & set(framed.dataset.features) == clock
    said = named | {"" if "the column without a name" in named else "?"}
    used = {*framed.dataset.features, options.label, options.group}
    assert not set(table.columns) - said - used  # nothing vanished without a word
    assert framed.dataset.label.sum() == FRAUD.sum()
    return framed


def _days(framed: TableDataset) -> float:
    return float(np.ptp(framed.dataset.time_ms) / DAY_MS)


def test_the_handbooks_table(tmp_path: Path) -> None:
    options = TableOptions(label="TX_FRAUD", time="TX_DATETIME", group="CUSTOMER_ID")
    framed = _read(handbook(), tmp_path, options)
    names = set(framed.dataset.features)
    assert {"TX_AMOUNT", "CUSTOMER_ID_count_7d", "TERMINAL_ID_fraud_share_30d"} <= names
    assert not {"TRANSACTION_ID", "TX_TIME_SECONDS", "TX_TIME_DAYS"} & names
    assert _days(framed) == pytest.approx(70, abs=0.1)
    short = replace(table_options(0, framed, options), parameters={"n_estimators": 10})
    found = train(framed.dataset, short, tmp_path / "out").metrics
    leaks = [one["about"] for one in found["findings"] if "gives the label away" in one["message"]]
    assert leaks == ["TX_FRAUD_SCENARIO"]


def test_the_table_of_ulb(tmp_path: Path) -> None:
    options = TableOptions(label="Class", time="Time")
    framed = _read(ulb(), tmp_path, options)
    assert _days(framed) == pytest.approx(2, abs=0.01)
    assert {"V1", "V28", "Amount"} <= set(framed.dataset.features)
    assert np.array_equal(framed.dataset.amount_minor, np.round(AMOUNT * 100).astype(int))
    short = replace(table_options(0, framed, options), parameters={"n_estimators": 10})
    assert train(framed.dataset, short, tmp_path / "out").metrics["roc_auc"] > 0.8


def test_the_table_of_ieee_cis(tmp_path: Path) -> None:
    framed = _read(
        ieee(), tmp_path, TableOptions(label="isFraud", time="TransactionDT", group="card1")
    )
    names = set(framed.dataset.features)
    assert {
        "TransactionAmt",
        "ProductCD",
        "card4",
        "M9",
        "P_emaildomain",
        "card1_count_1d",
    } <= names
    assert not {"TransactionID", "dist2", "R_emaildomain"} & names
    assert framed.dataset.amount_minor.max() > 0
    assert _days(framed) == pytest.approx(70, abs=0.1)


def test_the_table_of_paysim_counts_in_hours(tmp_path: Path) -> None:
    options = TableOptions(label="isFraud", time="step")
    with pytest.raises(ConfigurationError, match="not clear"):  # 743 days would be read in silence
        _read(paysim(), tmp_path, options)
    framed = _read(paysim(), tmp_path, replace(options, time_unit="hours"))
    assert np.ptp(framed.dataset.time_ms) == pytest.approx(742 * HOUR_MS, abs=2 * HOUR_MS)
    names = set(framed.dataset.features)
    assert {"type", "amount", "oldbalanceOrg", "nameDest_count_7d"} <= names
    assert not {"nameOrig", "nameOrig_count_7d"} & names


def test_the_table_of_sparkov(tmp_path: Path) -> None:
    options = TableOptions(label="is_fraud", time="trans_date_trans_time", group="cc_num")
    framed = _read(sparkov(), tmp_path, options)
    names = set(framed.dataset.features)
    assert {"amt", "category", "gender", "dob", "cc_num_count_7d", "merchant_count_1d"} <= names
    assert not {"", "trans_num", "unix_time", "unnamed"} & names
    age = framed.dataset.vectors[:, framed.dataset.features.index("dob")]
    assert 8_999 < age.min() < age.max() < 15_500
