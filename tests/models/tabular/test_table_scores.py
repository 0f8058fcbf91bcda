"""A later table is scored as the table of the training was read, and what differs is said."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from forewarn.api.model_access import load_table_model
from forewarn.cli.score_command import app
from forewarn.errors import ArtifactError, ConfigurationError
from models.serving.scorer import Scorer
from models.tabular.table_dataset import TableOptions, dataset_of_table, table_options
from models.tabular.table_scores import PROBABILITY, score_table
from models.training.train_artifact import train
from tests.models.tabular.test_table_dataset import table

OPTIONS = TableOptions(label="fraud", time="when", group="card", split_by="time")


@pytest.fixture(scope="module")
def frame() -> pl.DataFrame:
    """Texts with codes, amounts of money as texts, a date, a truth value."""
    rows = table()
    age = pl.col("when").dt.offset_by("-400d").dt.truncate("1mo")
    return rows.with_columns(
        amount=pl.concat_str(pl.lit("$"), pl.col("amount").round(2)), opened=age,
        online=pl.col("amount") > 20, shop=pl.Series([f"s{i % 5}" for i in range(len(rows))]),
    ).drop("row_number")  # fmt: skip


@pytest.fixture(scope="module")
def trained(
    frame: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, np.ndarray]:
    framed = dataset_of_table(frame, OPTIONS)
    options = table_options(0, framed, OPTIONS)
    path = train(framed.dataset, options, tmp_path_factory.mktemp("artifacts")).path
    return path, framed.dataset.vectors


@pytest.fixture(scope="module")
def scorer(trained: tuple[Path, np.ndarray]) -> Scorer:
    return load_table_model(trained[0])


def test_the_rows_of_the_training_have_the_vectors_of_the_training(
    frame: pl.DataFrame, trained: tuple[Path, np.ndarray], scorer: Scorer
) -> None:
    assert np.array_equal(score_table(scorer, frame).vectors, trained[1], equal_nan=True)


def test_scores_are_in_the_order_of_the_table(frame: pl.DataFrame, scorer: Scorer) -> None:
    straight = score_table(scorer, frame).probability
    shuffled = np.random.default_rng(0).permutation(len(frame))
    # Rows of one moment keep their order, which is no order of any feature here.
    assert np.allclose(score_table(scorer, frame[shuffled]).probability, straight[shuffled])


def test_codes_are_those_of_the_training_whatever_the_labels_are(
    frame: pl.DataFrame, scorer: Scorer
) -> None:
    """Codes that are made from each table's labels would turn around with them."""
    later = frame.tail(1_000)
    column = scorer.features.index("shop")
    turned = later.with_columns(fraud=1 - pl.col("fraud"))
    one, other = score_table(scorer, later), score_table(scorer, turned)
    assert np.array_equal(one.vectors[:, column], other.vectors[:, column])
    assert len(set(one.vectors[:, column].tolist())) == 5


def test_a_later_table_with_its_history_has_the_vectors_of_the_whole(
    frame: pl.DataFrame, trained: tuple[Path, np.ndarray], scorer: Scorer
) -> None:
    earlier, later = frame.head(5_000), frame.tail(1_000)
    whole = trained[1][5_000:]
    with_history = score_table(scorer, later, history=earlier).vectors
    assert np.allclose(with_history, whole, rtol=1e-5, equal_nan=True)
    alone = score_table(scorer, later)
    assert not np.allclose(alone.vectors, whole, rtol=1e-5, equal_nan=True)
    assert any("--history" in one.message for one in alone.findings)


def test_a_table_without_labels_knows_the_frauds_of_its_history_only(
    frame: pl.DataFrame, trained: tuple[Path, np.ndarray], scorer: Scorer
) -> None:
    earlier, later = frame.head(5_000), frame.tail(1_000).drop("fraud")
    scores = score_table(scorer, later, history=earlier)
    assert (scores.label == -1).all()
    known = scorer.features.index("terminal_known_30d")
    count = scorer.features.index("terminal_count_30d")
    labelled = trained[1][5_000:]
    assert np.array_equal(scores.vectors[:, count], labelled[:, count])
    assert (scores.vectors[:, known] <= labelled[:, known]).all()
    assert (scores.vectors[:, known] < labelled[:, known]).any()


def test_unknown_texts_are_said_and_count_as_missing(frame: pl.DataFrame, scorer: Scorer) -> None:
    odd = frame.with_columns(
        shop=pl.when(pl.int_range(pl.len()) < 7).then(pl.lit("new")).otherwise("shop")
    )
    scores = score_table(scorer, odd)
    [finding] = [one for one in scores.findings if one.about == "shop"]
    assert "1 texts" in finding.message
    assert "7 rows: 'new'" in finding.message
    column = scores.vectors[:, scorer.features.index("shop")]
    assert np.isnan(column[:7]).all()
    assert not np.isnan(column[7:]).any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (pl.lit("much").alias("amount"), "amount is no column of amounts"),
        (pl.lit("yes").alias("online"), "online held numbers"),
        (pl.lit(3).alias("opened"), "opened held dates"),
        (pl.lit("soon").alias("when"), "no readable time"),
        (pl.int_range(pl.len()).alias("when"), "when"),
    ],
)
def test_a_column_that_is_not_what_it_was_is_refused(
    frame: pl.DataFrame, scorer: Scorer, change: pl.Expr, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        score_table(scorer, frame.with_columns(change))


def test_a_missing_column_is_named(frame: pl.DataFrame, scorer: Scorer) -> None:
    with pytest.raises(ConfigurationError, match="no column 'shop' for a feature"):
        score_table(scorer, frame.drop("shop"))


def test_the_command_writes_a_probability_beside_every_row(
    frame: pl.DataFrame, trained: tuple[Path, np.ndarray], scorer: Scorer, tmp_path: Path
) -> None:
    frame.write_csv(tmp_path / "t.csv")
    words = ["--frame", str(tmp_path / "t.csv"), "--model", str(trained[0])]
    result = CliRunner().invoke(app, [*words, "--out", str(tmp_path / "scored.parquet")])
    assert result.exit_code == 0, result.output
    assert "average_precision" in result.output
    scored = pl.read_parquet(tmp_path / "scored.parquet")
    assert scored.columns[: len(frame.columns)] == frame.columns
    assert np.allclose(scored[PROBABILITY], score_table(scorer, frame).probability)
    refused = CliRunner().invoke(app, [*words, "--out", str(tmp_path / "scored.txt")])
    assert isinstance(refused.exception, ConfigurationError)


def test_a_model_of_a_table_and_one_of_events_are_not_mixed_up(
    trained: tuple[Path, np.ndarray],
) -> None:
    from forewarn.api.model_access import load_model  # noqa: PLC0415

    with pytest.raises(ArtifactError, match="was trained on a table"):
        load_model(trained[0])
