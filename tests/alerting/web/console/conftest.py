"""The console over a fresh database: real application, real sessions, a browser-like client."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx import Response
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserContext, Page, expect

from alerting.access.access_control import AccessControl
from alerting.access.users import UserFile
from alerting.bootstrap.access_components import build_access
from alerting.db.case_tables import Case, EmergencyContact
from alerting.db.contact_tables import Sweep, SweepTarget
from alerting.db.dispatch_tables import Delivery
from alerting.db.order_tables import Appeal, Order
from alerting.web.application import bind, create_app
from alerting.web.console import ConsoleOptions, mount_console
from alerting.web.service_container import Services
from forewarn.contracts.fraud_warning import FraudWarning, Reason
from forewarn.platform.settings import AccessSettings
from tests.alerting.factory import NOW_MS, VICTIM, Clock, warning
from tests.alerting.web.console import live

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For tests whose promise does not depend on the database; queries are tested on both."""

expect.set_options(timeout=15_000)  # a busy machine of CI; a condition that holds is seen at once

PASSWORD = "correct horse battery"
RaiseCase = Callable[[FraudWarning], str]
Open = Callable[..., Page]
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PEOPLE = {
    "li": (["responder"], ["default"], ["4304*"]),
    "wang": (["responder"], ["default"], ["4304*"]),
    "boss": (["supervisor"], ["default"], ["4304*"]),
    "zhao": (["supervisor"], ["default"], ["4304*"]),
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

    def resume(self, access: AccessControl, name: str) -> None:
        """Open a session without the form: three requests less than ``sign_in``."""
        session = access.sign_in(name, PASSWORD, "testclient")
        assert session.token is not None
        self.client.cookies.set(access.cookie, session.token, domain="testserver.local")
        self.token = session.csrf_token

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


def fill_in_sign_in(page: Page, name: str) -> None:
    """Fill in the form of the page as a person would, and send it; the caller waits for what follows."""
    page.locator("input[name=name]").fill(name)
    page.locator("input[name=password]").fill(PASSWORD)
    page.keyboard.press("Enter")


@pytest.fixture(scope="session")
def users_template(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A password file with one person of each kind, which others are copied from."""
    path = tmp_path_factory.mktemp("users") / "users.json"
    file = UserFile(path, hasher=CHEAP)
    for name, (roles, tenants, districts) in PEOPLE.items():
        file.save(
            name,
            PASSWORD,
            display_name=name.title(),
            roles=roles,
            tenants=tenants,
            districts=districts,
        )
    return path.read_bytes()


@pytest.fixture
def users(users_template: bytes, tmp_path: Path) -> UserFile:
    """A password file with one person of each kind."""
    path = tmp_path / "users.json"
    path.touch(mode=0o600)
    path.write_bytes(users_template)
    return UserFile(path, hasher=CHEAP)


def access_of(services: Services, clock: Clock, users_file: Path) -> AccessControl:
    """Access control as it is deployed, for these people."""
    return build_access(
        settings=AccessSettings(users_file=users_file),
        database=services.db,
        public_url="http://testserver",
        service_key="",
        clock=clock,
        hasher=CHEAP,
    )


def application(services: Services, access: AccessControl) -> FastAPI:
    """The whole service as it is deployed, over this database and these people."""
    console = ConsoleOptions(language="en", target_minor=200_000_000)
    return create_app(services, access, prepare=lambda app: mount_console(app, console))


@pytest.fixture(scope="session")
def built_consoles() -> list[FastAPI]:
    """The session's application, once built: its routes take longer to build than most tests to run."""
    return []


@pytest.fixture
def make_browser(
    services: Services,
    clock: Clock,
    users: UserFile,
    tmp_path: Path,
    built_consoles: list[FastAPI],
) -> Callable[..., Browser]:
    """Makes browsers of one running application; with ``name``, that person is signed in."""
    access = access_of(services, clock, tmp_path / "users.json")
    if not built_consoles:
        built_consoles.append(application(services, access))
    (app,) = built_consoles
    bind(app, services, access)

    def make(name: str = "") -> Browser:
        client = TestClient(app, raise_server_exceptions=False, headers={"Accept-Language": "en"})
        browser = Browser(client)
        if name:
            browser.resume(access, name)
        return browser

    return make


@pytest.fixture
def raise_case(services: Services) -> RaiseCase:
    """Takes a warning in and returns its case's id."""

    def take(warning: FraudWarning) -> str:
        applied = services.ingestor.ingest([warning], "test")
        return applied.results[0][1]

    return take


def case_of(services: Services, case_id: str) -> Case:
    with services.db.read() as session:
        return session.get_one(Case, case_id)


@pytest.fixture(scope="module")
def chromium(require: Callable[[bool, str], None]) -> Iterator[Chromium]:
    path = live.chromium_path()
    require(path is not None, "there is no chromium on this machine")
    assert path is not None
    with live.chromium(path) as browser:
        yield browser


@pytest.fixture
def address(make_browser: Callable[..., Browser]) -> Iterator[str]:
    with live.serving(make_browser().client.app) as url:
        yield url


@pytest.fixture
def open_as(chromium: Chromium, address: str) -> Iterator[Open]:
    """Opens a page as a person; any error of a script or of the security policy fails the test."""
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    def open_page(name: str = "", path: str = "/console/", **options: Any) -> Page:
        context = chromium.new_context(
            base_url=address,
            locale=options.pop("locale", "en-GB"),
            reduced_motion="reduce",
            **options,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on(
            "console",
            lambda message: faults.append(message.text) if "Policy" in message.text else None,
        )
        page.goto(path)
        if name:
            fill_in_sign_in(page, name)
            page.wait_for_url(lambda url: "sign-in" not in url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []


@pytest.fixture
def town(raise_case: RaiseCase, services: Services) -> list[str]:
    """Cases in every state that a page can show; ids in order."""
    reasons = (Reason("suspect_talk_24h", 2580.0, 1.9), Reason("pair_is_new", 1.0, 1.2))
    ids = [
        raise_case(warning("w-1", kind="call", reasons=reasons, forwarding_on=True)),
        raise_case(warning("w-2", subscriber="+8613900002222", severity="high")),
        raise_case(
            warning("w-3", subscriber="+8613700003333", severity="medium", district="430406")
        ),
        raise_case(warning("w-4", subscriber="+8613600004444", typology="task_scam")),
    ]
    with services.db.write() as session:
        session.add(
            EmergencyContact(
                tenant="default",
                subscriber=VICTIM,
                phone="+8613900001234",
                name="Ma",
                added_at_ms=NOW_MS,
            )
        )
        session.add(
            Sweep(
                sweep_id="s-1",
                tenant="default",
                case_id=ids[0],
                kind="phone",
                peer="+86170",
                state="done",
                requested_at_ms=NOW_MS,
            )
        )
        session.flush()
        session.add(
            SweepTarget(
                sweep_id="s-1",
                subscriber="+8613500005555",
                district="430405",
                degree=1,
                via="+8617000009999",
                action="warn",
                reason="paid_the_swindler",
            )
        )
        overdue = session.get_one(Case, ids[1])
        overdue.deadline_ms = NOW_MS - 30_000
        session.add(
            Order(
                order_id="o-1",
                case_id=ids[3],
                tenant="default",
                district="430405",
                typology="task_scam",
                kind="stop_account",
                state="in_force",
                source="person",
                payee_account="6222020000007654321",
                payee_name="王某",
                number="",
                amount_minor=5_000_000,
                currency="CNY",
                occurred_at_ms=NOW_MS,
                legal_basis="《反电信网络诈骗法》",
                reason="paid an hour ago",
                ordered_by="local:boss",
                ordered_at_ms=NOW_MS,
                confirmed_at_ms=NOW_MS,
                expires_at_ms=NOW_MS + 48 * 3_600_000,
            )
        )
        session.flush()
        session.add(
            Appeal(
                appeal_id="a-1",
                order_id="o-1",
                case_id=ids[3],
                tenant="default",
                district="430405",
                way="phone",
                objector="赵某",
                phone="+8613900007777",
                statement="It is my own account.",
                filed_by="local:li",
                filed_at_ms=NOW_MS,
                due_at_ms=NOW_MS + 24 * 3_600_000,
                state="open",
            )
        )
        session.add(
            Delivery(
                delivery_id="d-1", case_id=ids[0], tenant="default", district="430405", subscriber=VICTIM,
                channel="patrol", purpose="protect", recipient="patrol", address="", template="patrol_visit",
                language="zh", content={"case_id": ids[0], "typology": "x", "district": "430405", "url": ""}, reason="line_is_busy", state="sent", not_before_ms=NOW_MS,
                created_at_ms=NOW_MS - 60_000, sent_at_ms=NOW_MS - 50_000,
            )
        )  # fmt: skip
    return ids
