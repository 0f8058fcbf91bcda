"""The commands of a data scientist, from a simulated town to a promoted model."""

from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest
from kafka import KafkaProducer
from typer.testing import CliRunner, Result

from forewarn.api.model_access import last_champion, load_model
from forewarn.cli import (
    backtest_command,
    evaluate_command,
    models_command,
    retrain_command,
    train_command,
)
from forewarn.errors import ConfigurationError
from forewarn.local import KafkaBroker
from forewarn.platform.kafka import TopicAdministration, client_arguments
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.platform.settings import KafkaSettings, load
from forewarn.simulator import Scenario, iter_events, simulate, write_town
from models.serving.artifact import read_artifact
from models.training.event_labels import label_events
from models.training.history_dataset import event_columns, read_history
from tests.servers import needed

RUN = CliRunner()


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two hundred people for three weeks, with far more fraud than in life."""
    directory = tmp_path_factory.mktemp("town") / "data"
    scenario = Scenario(
        seed=4, subscribers=200, days=20, prevalence=0.1, report_share=1.0, report_delay_hours=3.0
    )
    write_town(simulate(scenario), directory)
    return directory


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FOREWARN_MODELS_REGISTRY", str(tmp_path / "registry"))
    return tmp_path / "registry"


def _ok(result: Result) -> str:
    assert result.exit_code == 0, result.output + repr(result.exception)
    return result.output


def test_from_history_to_a_promoted_model_and_back(
    town: Path, registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = ["--embargo-days", "0.5", "--warmup-days", "1"]
    _ok(RUN.invoke(retrain_command.app, ["--data", str(town), *short]))
    listed = [
        msgspec.json.decode(line)
        for line in _ok(RUN.invoke(models_command.app, ["list", "--json"])).splitlines()
    ]
    assert len(listed) == 1
    first = listed[0]["version"]
    if listed[0]["aliases"] != ["champion"]:  # a small town may fail a gate; then say so by name
        _ok(RUN.invoke(models_command.app, ["promote", first, "--force", "--reason", "test"]))
    monkeypatch.setenv("FOREWARN_MODELS_MLFLOW_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    path = _ok(
        RUN.invoke(
            train_command.app, ["--data", str(town), "--seed", "3", "--alias", "challenger", *short]
        )
    ).splitlines()[-1]
    second = Path(path).name
    assert _followed(tmp_path, "challenger") == second
    artifact = read_artifact(registry / "artifacts" / second)
    assert artifact.manifest.typologies  # the town's reports name kinds of fraud
    assert artifact.json("metrics.json", dict)["roc_auc"] > 0.75

    out = tmp_path / "backtest.json"
    _ok(RUN.invoke(backtest_command.app, ["--data", str(town), "--model", "champion",
                                  "--against-model", "challenger", "--out", str(out)]))  # fmt: skip
    document = msgspec.json.decode(out.read_bytes())
    tested = [
        read_artifact(registry / "artifacts" / version).manifest.test_from_ms
        for version in (first, second)
    ]
    assert document["since_ms"] == max(tested)  # no model is judged on what it was trained on
    assert not document["in_sample"]
    unseen = document["runs"][0]["episodes"]
    said = _ok(RUN.invoke(backtest_command.app, ["--data", str(town), "--model", "champion",
                                         "--against-model", "challenger", "--out", str(out),
                                         "--since", "2026-01-01"]))  # fmt: skip
    assert "in sample" in said
    document = msgspec.json.decode(out.read_bytes())
    assert document["in_sample"]
    one, other = document["runs"]
    assert (one["model"], other["model"]) == (first, second)
    assert one["episodes"] == other["episodes"] > max(10, unseen)
    assert one["episodes_reached"] > 0.2 * one["episodes"]
    assert one["saved_minor"] <= one["movable_minor"] <= one["paid_minor"]
    assert document["difference"]["both"] > 0

    figures, page = tmp_path / "evaluation.json", tmp_path / "evaluation.html"
    said = _ok(RUN.invoke(evaluate_command.app, ["--data", str(town), "--champion", "challenger",
                                         "--since", "2026-01-15", "--json", str(figures),
                                         "--html", str(page)]))  # fmt: skip
    assert "the town's truth" in said
    document = msgspec.json.decode(figures.read_bytes())
    for name in ("people_in_a_fraud", "share_of_losses_warned_a_minute_before"):
        figure = document["policy"][name]
        assert figure["low"] <= figure["value"] <= figure["high"]
    assert {"model", "rules", "logistic"} <= set(document["baselines"])
    assert document["champion"]["model"] == second
    assert document["money"]["later_minor"] <= document["money"]["lost_minor"]
    if document["policy"]["losses"] < 20:
        assert document["findings"][0]["about"] == "frauds"
    assert page.read_text().count("currentColor") > 10

    assert "ahead in" in _ok(RUN.invoke(models_command.app, ["compare", "challenger"]))
    compared = last_champion(load_model("challenger"))
    assert compared is not None
    assert compared.version == first
    _ok(RUN.invoke(models_command.app, ["promote", "challenger", "--force"]))
    assert _followed(tmp_path, "champion") == second
    compared = last_champion(load_model("champion"))
    assert compared is not None
    assert compared.version == first  # a champion is compared with the one before it
    assert second in _ok(RUN.invoke(models_command.app, ["show", "champion"]))
    assert first in _ok(RUN.invoke(models_command.app, ["rollback"]))
    assert _followed(tmp_path, "champion") == first  # logged late: MLflow was not there at first


def _followed(directory: Path, alias: str) -> str:
    """The version that MLflow's alias points to."""
    tracking = needed("mlflow.tracking")
    uri = f"sqlite:///{directory / 'mlflow.db'}"
    client = tracking.MlflowClient(tracking_uri=uri, registry_uri=uri)
    return str(client.get_model_version_by_alias("forewarn", alias).tags["version"])


@pytest.mark.system
def test_retraining_reads_from_kafka_what_a_folder_would_hold(
    kafka: KafkaBroker, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every call, transfer and outcome of the last days, labelled as from Parquet."""
    monkeypatch.setenv("FOREWARN_KAFKA_BOOTSTRAP_SERVERS", kafka.bootstrap_servers)
    monkeypatch.setenv("FOREWARN_KAFKA_TOPIC_PREFIX", topic_prefix)
    monkeypatch.setenv("FOREWARN_KAFKA_REPLICATION_FACTOR", "1")
    monkeypatch.setenv("FOREWARN_KAFKA_PARTITIONS", "3")
    settings = load(KafkaSettings)
    with TopicAdministration(settings) as topics:
        topics.apply()
    small = simulate(Scenario(seed=4, subscribers=60, days=5, prevalence=0.1, report_share=1.0))
    producer = KafkaProducer(**client_arguments(settings))
    sent = dict.fromkeys(("calls", "transfers", "outcomes"), 0)
    for topic, key, value, _ in iter_events(small, outcomes=True):
        producer.send(f"{topic_prefix}{topic}", value=value, key=key)
        sent[topic] += 1
    producer.flush()
    producer.close()

    history = read_history(retrain_command.export_history(tmp_path, since_ms=0))
    held = {"calls": history.calls, "transfers": history.transfers, "outcomes": history.outcomes}
    assert {name: len(frame) for name, frame in held.items()} == sent
    key = Pseudonymiser(b"a key of the command tests")
    events = event_columns(history, key)
    found = label_events(events, history.outcomes, key)
    reported = set(range(len(history.outcomes)))
    assert found.label.sum() > 0
    assert set(found.episode[found.episode >= 0].tolist()) <= reported


def test_any_table_gives_an_artifact_and_measures(registry: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    n = 4_000
    label = (rng.random(n) < 0.05).astype(int)
    pl.DataFrame(
        {
            "t": np.sort(rng.integers(0, 50 * 86_400, n)),
            "card": rng.integers(0, 300, n),
            "amount": rng.lognormal(3, 1, n) * (1 + 2 * label),
            "y": label,
        }
    ).write_csv(tmp_path / "table.csv")
    output = _ok(
        RUN.invoke(train_command.app, ["--frame", str(tmp_path / "table.csv"), "--label", "y", "--time", "t",
                               "--group", "card", "--out", str(tmp_path / "out"), "--k", "10",
                               "--trees", "40"])
    )  # fmt: skip
    folder = Path(output.splitlines()[-1])
    metrics = msgspec.json.decode((folder / "metrics.json").read_bytes())
    assert metrics["roc_auc"] > 0.7
    assert metrics["average_precision"] > 2 * metrics["test"]["prevalence"]
    assert metrics["precision_at_k"]["k"] == 10
    assert not registry.exists()  # no worker may meet a model of another table


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "either --data or --frame"),
        (["--data", "/nowhere"], "no directory"),
        (["--frame", "/nowhere.csv", "--label", "y", "--time", "t"], "there is no file"),
    ],
)
def test_a_wrong_command_says_what_is_wrong(
    registry: Path, arguments: list[str], message: str
) -> None:
    result = RUN.invoke(train_command.app, arguments)
    assert isinstance(result.exception, ConfigurationError)
    assert message in str(result.exception)


def test_an_empty_registry_says_what_to_do(registry: Path, town: Path) -> None:
    for app, arguments in (
        (models_command.app, ["show", "newest"]),
        (models_command.app, ["rollback"]),
        (backtest_command.app, ["--data", str(town)]),
    ):
        result = RUN.invoke(app, arguments)
        assert isinstance(result.exception, ConfigurationError)
