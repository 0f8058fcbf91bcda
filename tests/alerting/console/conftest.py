"""The console over a fresh database: real application, real sessions, a browser-like client."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from argon2 import PasswordHasher
from fastapi.testclient import TestClient
from httpx import Response

from alerting.access import build_access
from alerting.access.users import UserFile
from alerting.app import create_app
from alerting.console import ConsoleServices, mount_console
from alerting.services import Services
from forewarn.events.warnings import FraudWarning
from forewarn.settings import AccessSettings
from tests.alerting.factory import Clock

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For tests whose promise does not depend on the database; queries are tested on both."""

PASSWORD = "correct horse battery"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PEOPLE = {
    "li": (["responder"], ["default"], ["4304*"]),
    "wang": (["responder"], ["default"], ["4304*"]),
    "boss": (["supervisor"], ["default"], ["4304*"]),
    "stranger": (["supervisor"], ["default"], ["1101*"]),
    "elsewhere": (["supervisor"], ["changsha"], ["*"]),
    "analyst": (["analyst"], ["*"], ["*"]),
    "auditor": (["auditor"], ["*"], ["*"]),
    "admin": (["administrator"], ["*"], ["*"]),
    "clerk": (["administrator"], ["changsha"], ["4301*"]),
}


class Browser:
    """One person's browser: cookies, the CSRF token of the page, and nothing else."""

    def __init__(self, client: TestClient) -> None:
        self.client = client
        self.token = ""

    def sign_in(self, name: str, password: str = PASSWORD, next_path: str = "") -> Response:
        """Fill in the form as a person would."""
        page = self.client.get("/console/sign-in", params={"next": next_path})
        form = {
            "name": name,
            "password": password,
            "csrf_token": _field(page.text, "csrf_token"),
            "next": _field(page.text, "next"),
        }
        response = self.client.post("/console/sign-in", data=form, follow_redirects=False)
        if response.status_code == 303:
            home = self.client.get("/console/")
            found = re.search(
                r"X-CSRF-Token&#34;: &#34;([^&]+)&|X-CSRF-Token\": \"([^\"]+)\"", home.text
            )
            assert found, "every page carries the session's token"
            self.token = found.group(1) or found.group(2)
        return response

    def get(self, path: str, **options: object) -> Response:
        """Ask for a page, without following redirects."""
        return self.client.get(path, follow_redirects=False, **options)  # type: ignore[arg-type]

    def post(self, path: str, token: str | None = None, **form: object) -> Response:
        """Send a form with the page's token, as htmx does."""
        headers = {"X-CSRF-Token": self.token if token is None else token, "HX-Request": "true"}
        return self.client.post(path, data=form, headers=headers, follow_redirects=False)


def _field(html: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', html)
    assert found, f"the form has a field {name}"
    return found.group(1)


@pytest.fixture
def users(tmp_path: Path) -> UserFile:
    """A password file with one person of each kind."""
    file = UserFile(tmp_path / "users.json", hasher=CHEAP)
    for name, (roles, tenants, districts) in PEOPLE.items():
        file.save(
            name,
            PASSWORD,
            display_name=name.title(),
            roles=roles,
            tenants=tenants,
            districts=districts,
        )
    return file


@pytest.fixture
def make_browser(
    services: Services, clock: Clock, users: UserFile, tmp_path: Path
) -> Iterator[Callable[..., Browser]]:
    """Makes browsers of one running application; ``name`` signs somebody in."""
    access = build_access(
        settings=AccessSettings(users_file=tmp_path / "users.json"),
        database=services.db,
        public_url="http://testserver",
        service_key="",
        clock=clock,
        hasher=CHEAP,
    )
    console = ConsoleServices(
        database=services.db,
        desk=services.desk,
        clock=clock,
        zone=ZoneInfo("Asia/Shanghai"),
        language="en",
        target_minor=200_000_000,
    )
    app = create_app(services, access, prepare=lambda app: mount_console(app, console))

    def make(name: str = "") -> Browser:
        client = TestClient(app, raise_server_exceptions=False, headers={"Accept-Language": "en"})
        browser = Browser(client)
        if name:
            assert browser.sign_in(name).status_code == 303
        return browser

    return make


@pytest.fixture
def raise_case(services: Services) -> Callable[[FraudWarning], str]:
    """Takes a warning in and returns its case's id."""

    def take(warning: FraudWarning) -> str:
        applied = services.ingestor.ingest([warning], "test")
        return applied.results[0][1]

    return take
