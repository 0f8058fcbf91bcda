"""The operator who starts a local stack can sign in to its console."""

from pathlib import Path

from alerting.access.users import UserFile
from forewarn.local.console_user import NAME, ensure_operator
from forewarn.local.stack_layout import Layout


def test_the_operator_signs_in_with_the_stacks_own_password_also_after_a_restart(
    tmp_path: Path,
) -> None:
    layout = Layout(tmp_path / "stack")
    layout.prepare()
    password = layout.secret("console_password")
    ensure_operator(layout.users_file, password)
    before = layout.users_file.read_bytes()
    layout.prepare()
    ensure_operator(layout.users_file, layout.secret("console_password"))
    assert layout.users_file.read_bytes() == before
    found = UserFile(layout.users_file).check(NAME, password)
    assert found is not None
    assert {"supervisor", "auditor"} <= found.grants.roles
    assert UserFile(layout.users_file).check(NAME, password + "x") is None
