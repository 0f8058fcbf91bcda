"""``forewarn alerting``: what an operator types."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from alerting.access import EVERYTHING, Principal
from alerting.db import Database
from alerting.web.service_container import Services
from forewarn.cli.alerting_command import app
from forewarn.platform.clock import system_clock
from tests.alerting.factory import VICTIM, warning

ROUTING = """
version = 1
[route]
receiver = "national"
[[route.routes]]
match = { district = "4304*" }
receiver = "hengyang"
[[receivers]]
name = "national"
team = "national"
[[receivers]]
name = "hengyang"
team = "hengyang"
"""


@pytest.fixture
def run(database_url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FOREWARN_ALERTING_DATABASE_URL", database_url)
    runner = CliRunner()
    return lambda *arguments: runner.invoke(app, [str(one) for one in arguments])


def test_route_test_prints_the_route_of_a_case_and_fails_if_another_was_expected(
    run: object, tmp_path: Path
) -> None:
    file = tmp_path / "routing.toml"
    file.write_text(ROUTING)
    there = run("route-test", file, "--district", "430405", "--receiver", "hengyang")
    assert there.exit_code == 0
    assert json.loads(there.stdout)["path"] == "route.routes[0]"
    elsewhere = run("route-test", file, "--district", "110105", "--receiver", "hengyang")
    assert elsewhere.exit_code == 1


def test_audit_verify_prints_the_head_and_fails_on_a_wrong_one(
    run: object, services: Services
) -> None:
    services.ingestor.ingest([warning()], "test")
    good = run("audit", "verify")
    assert good.exit_code == 0
    head = good.stdout.split()[-1]
    assert run("audit", "verify", "--expect", head).exit_code == 0
    assert run("audit", "verify", "--expect", "f" * 64).exit_code == 1


@pytest.mark.parametrize("command", [("audit", "verify"), ("retention",)])
def test_a_command_without_a_database_says_so_and_creates_no_file(
    run: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    absent = tmp_path / "absent.db"
    monkeypatch.setenv("FOREWARN_ALERTING_DATABASE_URL", f"sqlite:///{absent}")
    assert "There is no alerting database" in str(run(*command).exception)
    assert not absent.exists()
    absent.touch()
    assert "is at revision none" in str(run(*command).exception)


def test_migrate_backup_and_erase_work_from_the_command_line(
    run: object, db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOREWARN_PRIVACY_PSEUDONYM_KEY", "k" * 40)
    assert run("migrate").exit_code == 0
    assert run("retention").exit_code == 0
    numbers = tmp_path / "numbers"
    numbers.write_text(f"{VICTIM}\n")
    assert run("erase", "--file", numbers).exit_code == 0
    assert run("erase", VICTIM).exit_code == 2
    assert run("backup", tmp_path / "b").exit_code == 0
    assert (tmp_path / "b").stat().st_mode & 0o077 == 0


def test_route_test_says_who_would_be_paged_now_and_why_not(
    run: object, services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_ms = system_clock()
    boss = Principal("local:boss", "Boss", frozenset({"supervisor"}), EVERYTHING, "session")
    options = tmp_path / "alerting.toml"
    options.write_text('[gateways]\nsms_url = "http://sms.invalid"\n')
    monkeypatch.setenv("FOREWARN_ALERTING_OPTIONS_FILE", str(options))
    assert json.loads(run("route-test").stdout)["reason"] == "nobody_to_page"
    services.routing_service.add_shift(
        boss, tenant="default", district="", team="desk", responder="local:li", channel="sms",
        address="+8613900000000", starts_at_ms=now_ms - 1000, ends_at_ms=now_ms + 3_600_000,
    )  # fmt: skip
    paged = json.loads(run("route-test").stdout)
    assert (paged["reason"], paged["people"]) == ("paged", [{"name": "local:li", "channel": "sms"}])
    monkeypatch.delenv("FOREWARN_ALERTING_OPTIONS_FILE")  # no gateway for texts: no page gets out
    assert json.loads(run("route-test").stdout)["reason"] == "nobody_to_page"


def test_route_test_shows_the_route_alone_where_there_is_no_database(
    run: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOREWARN_ALERTING_DATABASE_URL", f"sqlite:///{tmp_path / 'absent.db'}")
    result = run("route-test")
    assert result.exit_code == 0
    assert "reason" not in json.loads(result.stdout)
    assert "Who would be paged now is not known" in result.stderr
