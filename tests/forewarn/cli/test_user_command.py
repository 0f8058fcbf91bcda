"""People are let in, listed and removed from the command line."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from alerting.access.users import UserFile
from forewarn.cli.user_command import app


@pytest.fixture
def users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> UserFile:
    monkeypatch.setenv("FOREWARN_ACCESS_USERS_FILE", str(tmp_path / "users.json"))
    return UserFile(tmp_path / "users.json")


def test_the_printed_password_signs_in_with_the_role_and_scope_given(users: UserFile) -> None:
    command = ["add", "li.na", "--role", "responder", "--district", "4304*", "--tenant", "hengyang"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    found = users.check("li.na", result.stdout.strip())
    assert found is not None
    assert found.grants.scope.lists() == (["hengyang"], ["4304*"])
    listed = CliRunner().invoke(app, ["list"]).stdout
    assert listed == "li.na\tresponder\ttenants=hengyang\tdistricts=4304*\n"


def test_a_password_of_ones_own_is_taken_and_not_printed(users: UserFile) -> None:
    command = ["add", "li.na", "--role", "responder", "--password-stdin"]
    result = CliRunner().invoke(app, command, input="my own long password\n")
    assert result.stdout == ""
    assert users.check("li.na", "my own long password") is not None


def test_somebody_removed_is_gone_and_removing_nobody_fails(users: UserFile) -> None:
    CliRunner().invoke(app, ["add", "li.na", "--role", "responder"])
    assert CliRunner().invoke(app, ["remove", "li.na"]).exit_code == 0
    assert users.get("li.na") is None
    assert CliRunner().invoke(app, ["remove", "li.na"]).exit_code == 1
