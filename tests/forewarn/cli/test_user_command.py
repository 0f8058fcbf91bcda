"""People are let in, listed and removed from the command line."""

from pathlib import Path

import pytest
from argon2 import PasswordHasher
from typer.testing import CliRunner

from alerting.access.users import UserFile
from forewarn.cli.user_command import app
from forewarn.errors import ConfigurationError

SCOPE = ("--tenant", "default", "--district", "4304*")


@pytest.fixture
def users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> UserFile:
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr("alerting.access.users.PasswordHasher", lambda: cheap)
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
    command = ["add", "li.na", "--role", "responder", *SCOPE, "--password-stdin"]
    result = CliRunner().invoke(app, command, input="my own long password\n")
    assert result.stdout == ""
    assert users.check("li.na", "my own long password") is not None


def test_a_removed_person_is_gone_and_removing_an_unknown_person_fails(users: UserFile) -> None:
    CliRunner().invoke(app, ["add", "li.na", "--role", "responder", *SCOPE])
    assert CliRunner().invoke(app, ["remove", "li.na"]).exit_code == 0
    assert users.get("li.na") is None
    assert CliRunner().invoke(app, ["remove", "li.na"]).exit_code == 1


@pytest.mark.parametrize("given", [SCOPE[:2], SCOPE[2:], ()])
def test_a_person_without_a_scope_is_refused(users: UserFile, given: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, ["add", "li.na", "--role", "responder", *given])
    assert result.exit_code == 2
    assert users.all() == []


@pytest.mark.parametrize("district", ["4304**", "43*05", "", "43 04", "湖南"])
def test_a_district_that_can_match_none_is_refused(users: UserFile, district: str) -> None:
    command = ["add", "li.na", "--role", "responder", "--tenant", "default"]
    result = CliRunner().invoke(app, [*command, "--district", district])
    assert isinstance(result.exception, ConfigurationError)
    assert users.all() == []


def test_an_existing_person_is_replaced_only_on_request(users: UserFile) -> None:
    command = ["add", "li.na", "--role", "responder", *SCOPE]
    done = CliRunner().invoke(app, command)
    password = done.stdout.strip()
    assert "The password of " in done.stderr, "a bare word would be a riddle"
    again = CliRunner().invoke(app, command)
    assert isinstance(again.exception, ConfigurationError)
    assert users.check("li.na", password) is not None
    replaced = CliRunner().invoke(app, [*command, "--replace"])
    assert users.check("li.na", password) is None
    assert users.check("li.na", replaced.stdout.strip()) is not None


def test_a_disabled_person_is_replaced_only_on_request_and_keeps_the_name(users: UserFile) -> None:
    command = ["add", "li.na", "--role", "responder", *SCOPE]
    CliRunner().invoke(app, [*command, "--display-name", "Li Na"])
    file = users._path
    file.write_text(file.read_text().replace('"disabled": false', '"disabled": true'))
    before = file.read_text()
    refused = CliRunner().invoke(app, command)
    assert isinstance(refused.exception, ConfigurationError)
    assert "disabled" in str(refused.exception)
    assert file.read_text() == before
    assert CliRunner().invoke(app, [*command, "--replace"]).exit_code == 0
    found = users.get("li.na")
    assert found is not None
    assert found.display_name == "Li Na"


def test_a_file_that_was_not_written_is_not_announced(users: UserFile) -> None:
    command = ["add", "li.na", "--role", "responder", "--tenant", "default", "--district", "4304**"]
    result = CliRunner().invoke(app, command)
    assert "user file" not in result.stderr
    assert not users._path.exists()


def test_no_file_is_written_where_no_installation_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "elsewhere" / "users.json"
    monkeypatch.setenv("FOREWARN_ACCESS_USERS_FILE", str(file))
    result = CliRunner().invoke(app, ["add", "li.na", "--role", "responder", *SCOPE])
    assert isinstance(result.exception, ConfigurationError)
    assert not file.parent.exists()


def test_a_first_file_is_written_only_where_a_setting_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FOREWARN_ACCESS_USERS_FILE", raising=False)
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["add", "li.na", "--role", "responder", *SCOPE])
    assert isinstance(result.exception, ConfigurationError)
    assert list(tmp_path.iterdir()) == []
