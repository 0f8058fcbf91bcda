"""Every command that asks Kafka ends with status 2 and one line while Kafka is away."""

import sys
from pathlib import Path

import pytest

import forewarn.api as fw
from forewarn.cli.command_table import COMMANDS, load
from forewarn.cli.root import main
from forewarn.errors import DependencyUnavailableError
from forewarn.local.ports import free_port
from forewarn.reference.commands_page import leaves

CALLS = Path(__file__).parents[3] / "docs" / "samples" / "calls.csv"

ASK_KAFKA = {
    "topics check": [],
    "topics apply": [],
    "topics probe": [],
    "replay": [str(CALLS)],
    "dead-letters list": [],
    "dead-letters replay": [],
    "lag": [],
    "alerting reread": ["--since", "2026-01-05T01:10"],
    "export": ["--out", "export"],
    "rebuild": ["--yes"],
    "retrain": [],
}
"""Commands that ask Kafka once, with the arguments that they need."""

DO_NOT_ASK = {
    # They run until they are stopped and wait for Kafka, or bring a Kafka of their own.
    "worker", "decide serve", "alerting serve", "demo", "up",
    # A finding, not an error: test_remote_diagnosis.py.
    "doctor",
    # They read files, Redis, the database or the registry only.
    "down", "status", "decide key", "decide check-keys", "map", "formats", "formats show", "alerting migrate",
    "alerting route-test", "alerting check-options", "alerting backup", "alerting restore", "alerting retention",
    "alerting erase", "alerting check-playbooks", "alerting webhook-secret", "alerting user add", "alerting user list", "alerting user remove", "alerting audit verify",
    "backfill", "parity", "simulate", "train", "score", "backtest", "evaluate", "models list", "models show",
    "models promote", "models rollback", "models compare", "reference", "evidence export", "evidence verify",
}  # fmt: skip


@pytest.fixture
def away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Settings of a Kafka that does not listen."""
    servers = f"127.0.0.1:{free_port()}"
    for name, value in {
        "FOREWARN_KAFKA_BOOTSTRAP_SERVERS": servers,
        "FOREWARN_KAFKA_REQUEST_TIMEOUT_SECONDS": "0.5",
        "FOREWARN_MODELS_REGISTRY": str(tmp_path / "models"),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return servers


def test_the_two_lists_name_every_command() -> None:
    every = {path for name in COMMANDS for path, _ in leaves(name, load(name))}
    assert every == set(ASK_KAFKA) | DO_NOT_ASK


@pytest.mark.parametrize("command", sorted(ASK_KAFKA))
def test_a_command_ends_with_one_line_that_says_what_to_do(
    command: str, away: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["forewarn", *command.split(), *ASK_KAFKA[command]])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    # A replay shows its progress on standard error before it asks Kafka.
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("forewarn: ")]
    assert len(lines) == 1
    assert f"Kafka at {away}" in lines[0]
    assert "FOREWARN_KAFKA_BOOTSTRAP_SERVERS" in lines[0]
    assert "KafkaTimeoutError KafkaTimeoutError" not in lines[0]


def test_the_export_of_the_library_raises_the_error_that_it_promises(
    away: str, tmp_path: Path
) -> None:
    with pytest.raises(DependencyUnavailableError, match=away):
        fw.export(tmp_path / "export")
