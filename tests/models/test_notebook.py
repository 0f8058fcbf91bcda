"""The notebook in docs runs from its first cell to its last, on a town and on Kafka."""

from pathlib import Path

import nbformat
import pytest
from kafka import KafkaProducer
from nbclient import NotebookClient

from forewarn.local import KafkaBroker
from forewarn.platform.kafka import TopicAdministration, client_arguments
from forewarn.platform.settings import KafkaSettings, load
from forewarn.simulator import Scenario, iter_events, simulate

NOTEBOOK = Path(__file__).parents[2] / "docs/notebooks/from_export_to_promoted.ipynb"


def run(directory: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Run every cell; returns what each code cell showed last."""
    monkeypatch.setenv("TMPDIR", str(directory))
    monkeypatch.setenv("IPYTHONDIR", str(directory / "ipython"))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)  # outputs are not committed
    client = NotebookClient(
        notebook, timeout=240, kernel_name="python3", resources={"metadata": {"path": directory}}
    )
    client.execute()
    shown = [
        cell.outputs[-1] for cell in notebook.cells if cell.cell_type == "code" and cell.outputs
    ]
    return [output["data"]["text/plain"] for output in shown if "data" in output]


@pytest.mark.timeout(280)
def test_every_cell_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FOREWARN_KAFKA_BOOTSTRAP_SERVERS", raising=False)
    shown = run(tmp_path, monkeypatch)
    assert "people.parquet" in shown[0]  # a town of its own
    assert "first model" in shown[-1]


@pytest.mark.system
@pytest.mark.timeout(280)
def test_history_comes_from_kafka_where_there_is_one(
    kafka: KafkaBroker, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same notebook, from an export to a promoted model, on what a broker holds."""
    monkeypatch.setenv("FOREWARN_KAFKA_BOOTSTRAP_SERVERS", kafka.bootstrap_servers)
    monkeypatch.setenv("FOREWARN_KAFKA_TOPIC_PREFIX", topic_prefix)
    monkeypatch.setenv("FOREWARN_KAFKA_REPLICATION_FACTOR", "1")
    monkeypatch.setenv("FOREWARN_KAFKA_PARTITIONS", "3")
    settings = load(KafkaSettings)
    with TopicAdministration(settings) as topics:
        topics.apply()
    town = simulate(
        Scenario(seed=11, subscribers=250, days=16, prevalence=0.1, report_share=1.0,
                 report_delay_hours=3.0)
    )  # fmt: skip
    producer = KafkaProducer(**client_arguments(settings))
    for topic, key, value, _ in iter_events(town, outcomes=True):
        producer.send(f"{topic_prefix}{topic}", value=value, key=key)
    producer.flush()
    producer.close()
    shown = run(tmp_path, monkeypatch)
    assert "people.parquet" not in shown[0]  # an export has no such file
    assert "first model" in shown[-1]
