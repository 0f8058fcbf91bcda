"""Access control over a fresh database, with a password hash cheap enough for tests."""

from collections.abc import Callable
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from alerting.access import AccessControl
from alerting.access.users import UserFile
from alerting.bootstrap.access_components import build_access
from alerting.db import Database
from forewarn.platform.settings import AccessSettings
from forewarn.platform.settings.alerting_options import SessionTable
from tests.alerting.factory import Clock

PASSWORD = "correct horse battery"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PUBLIC_URL = "https://forewarn.example"


@pytest.fixture
def users(tmp_path: Path) -> UserFile:
    """A password file with one responder of Hengyang."""
    file = UserFile(tmp_path / "users.json", hasher=CHEAP)
    file.save("li.na", PASSWORD, display_name="李娜", roles=["responder"], districts=["4304*"])
    return file


@pytest.fixture
def make_access(
    db: Database, clock: Clock, users: UserFile, tmp_path: Path
) -> Callable[..., AccessControl]:
    """Builds access control, with settings of the test's choice."""

    def make(lockout_failures: int = 5, **settings: object) -> AccessControl:
        return build_access(
            sessions=SessionTable(lockout_failures=lockout_failures),
            settings=AccessSettings(users_file=tmp_path / "users.json", **settings),
            database=db,
            public_url=PUBLIC_URL,
            service_key="",
            clock=clock,
            hasher=CHEAP,
        )

    return make


@pytest.fixture
def access(make_access: Callable[..., AccessControl]) -> AccessControl:
    """Access control with the default settings."""
    return make_access()
