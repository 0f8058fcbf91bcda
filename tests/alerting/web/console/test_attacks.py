"""What an attacker would try against the console, with and without an account."""

from collections.abc import Callable, Iterator

import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from alerting.access import Grants
from alerting.db.case_tables import Case, CaseEvent
from alerting.db.contact_tables import Activity, ListItem
from alerting.db.dispatch_tables import Delivery
from alerting.db.journal_tables import AuditRecord
from alerting.web.console.routes.case_page import router as case_routes
from alerting.web.console.routes.person_page import router as person_routes
from alerting.web.service_container import Services
from forewarn.contracts.fraud_warning import FraudWarning, Reason
from tests.alerting.factory import CALLER, NOW_MS, PAYEE, VICTIM, Clock, warning
from tests.alerting.web.console.conftest import ON_SQLITE, PASSWORD, Browser

pytestmark = ON_SQLITE

MakeBrowser = Callable[..., Browser]
RaiseCase = Callable[[FraudWarning], str]

STEPS = [
    ("claim", {}),
    ("release", {"reason": "x"}),
    ("assign", {"to": "local:li"}),
    ("contact", {"reached": "true"}),
    ("contact/undo", {}),
    ("person", {"reason": "curious"}),
    ("note", {"text": "x"}),
    ("close", {"disposition": "dissuaded"}),
    ("reopen", {"reason": "mistake"}),
    ("unmask", {"what": "subscriber"}),
    ("relatives", {"phone": "+8613900000001"}),
    ("losses", {"lost": "100"}),
    ("three-way-calls", {"phone": "+8613900000001"}),
    ("relatives/correction", {"relative": "0123456789abcdef", "phone": "+8613900000001"}),
]


def changes_of(services: Services, case_id: str) -> int:
    with services.db.read() as session:
        events = select(func.count()).select_from(CaseEvent).where(CaseEvent.case_id == case_id)
        return session.scalar(events) or 0


@pytest.mark.parametrize("name", ["stranger", "elsewhere"])
def test_a_case_of_another_district_or_tenant_does_not_exist(
    make_browser: MakeBrowser, raise_case: RaiseCase, services: Services, name: str
) -> None:
    case_id = raise_case(warning())
    before = changes_of(services, case_id)
    browser = make_browser(name)
    refused = [browser.get(f"/console/cases/{case_id}{part}") for part in ("", "/live", "/person")]
    refused += [browser.post(f"/console/cases/{case_id}/{step}", **form) for step, form in STEPS]
    missing = browser.get("/console/cases/c-there-is-none")
    assert {response.status_code for response in refused} == {404}
    assert refused[0].text == missing.text  # the same words as for what is not there
    assert changes_of(services, case_id) == before
    for page in ("queue", "queue/rows", "supervision", "patrol", "districts", "report"):
        text = browser.get(f"/console/{page}").text
        assert case_id not in text
        assert "430405" not in text


def test_every_step_on_a_case_is_among_those_attacked_above(make_browser: MakeBrowser) -> None:
    prefix = "/console/cases/{case_id}/"
    routes = {
        route.path.removeprefix(prefix)
        for route in (*case_routes.routes, *person_routes.routes)
        if isinstance(route, APIRoute) and "POST" in route.methods
    }
    assert routes == {step for step, _ in STEPS}


def test_a_visit_of_another_district_cannot_be_answered(
    make_browser: MakeBrowser, raise_case: RaiseCase, services: Services
) -> None:
    case_id = raise_case(warning())
    with services.db.write() as session:
        session.add(
            Delivery(
                delivery_id="d-1", case_id=case_id, tenant="default", district="430405",
                subscriber=VICTIM, channel="patrol", purpose="protect", recipient="patrol",
                address="", template="patrol_visit", language="zh", content={}, reason="x",
                state="sent", not_before_ms=NOW_MS, created_at_ms=NOW_MS, sent_at_ms=NOW_MS,
            )
        )  # fmt: skip
    before = changes_of(services, case_id)
    assert make_browser("stranger").post("/console/patrol/d-1", answer="failed").status_code == 404
    assert changes_of(services, case_id) == before
    assert make_browser("wang").post("/console/patrol/d-1", answer="going").status_code == 200


def test_another_tenants_list_entries_do_not_exist(
    make_browser: MakeBrowser, services: Services
) -> None:
    entry = {"name": "block", "kind": "phone", "peer": CALLER, "reason": "seen twice"}
    boss, elsewhere = make_browser("boss"), make_browser("elsewhere")
    assert boss.post("/console/lists", **entry).status_code == 204
    with services.db.read() as session:
        entry_id = session.scalars(select(ListItem.entry_id)).one()
    assert elsewhere.post(f"/console/lists/{entry_id}/remove").status_code == 404
    assert elsewhere.post("/console/lists", **entry, tenant="default").status_code == 404
    assert entry_id not in elsewhere.get("/console/lists").text
    assert CALLER not in boss.get("/console/lists").text  # masked here too


def test_a_person_cannot_approve_their_own_trust_entry(
    make_browser: MakeBrowser, services: Services
) -> None:
    boss = make_browser("boss")
    entry = {"name": "allow", "kind": "phone", "peer": CALLER, "reason": "a clinic", "days": "30"}
    assert boss.post("/console/lists", **entry).status_code == 204
    with services.db.read() as session:
        entry_id = session.scalars(select(ListItem.entry_id)).one()
    assert boss.post(f"/console/lists/{entry_id}/approve").status_code == 409


def test_linked_cases_of_other_districts_are_not_shown(
    make_browser: MakeBrowser, raise_case: RaiseCase
) -> None:
    here = raise_case(warning("w-1"))
    near = raise_case(warning("w-2", subscriber="+8613800002222", district="430406"))
    far = raise_case(warning("w-3", subscriber="+8613800003333", district="110101"))
    text = make_browser("li").get(f"/console/cases/{here}").text
    assert near in text
    assert far not in text
    assert "3333" not in text


@pytest.mark.parametrize(
    ("name", "path", "form"),
    [
        ("li", "/console/cases/{case}/assign", {"to": "local:wang"}),
        ("li", "/console/cases/{case}/reopen", {"reason": "mistake"}),
        ("analyst", "/console/cases/{case}/claim", {}),
        ("auditor", "/console/cases/{case}/note", {"text": "x"}),
        ("analyst", "/console/cases/{case}/unmask", {"what": "subscriber"}),
        ("auditor", "/console/cases/{case}/unmask", {"what": "subscriber"}),
        ("li", "/console/keys", {"name": "mine", "days": "1", "purpose": "ingest"}),
        ("boss", "/console/keys", {"name": "mine", "days": "1", "purpose": "ingest"}),
        ("li", "/console/audit/verify", {}),
        ("li", "/console/routing/silences", {"minutes": "5", "reason": "quiet", "severity": "high"}),
        ("auditor", "/console/lists", {"name": "allow", "kind": "phone", "peer": CALLER, "reason": "x y z", "days": "1"}),
    ],
)  # fmt: skip
def test_a_role_does_what_it_may_and_nothing_else(
    make_browser: MakeBrowser, raise_case: RaiseCase, name: str, path: str, form: dict[str, str]
) -> None:
    case_id = raise_case(warning())
    assert make_browser(name).post(path.format(case=case_id), **form).status_code == 403


@pytest.mark.parametrize(
    ("name", "page"),
    [("li", "supervision"), ("li", "report"), ("li", "audit"), ("li", "keys"), ("admin", "queue"),
     ("analyst", "audit"), ("boss", "audit"), ("auditor", "keys"), ("admin", "patrol")],
)  # fmt: skip
def test_a_page_of_another_role_is_refused(make_browser: MakeBrowser, name: str, page: str) -> None:
    assert make_browser(name).get(f"/console/{page}").status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-CSRF-Token": "guessed"},
        {"X-CSRF-Token": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
    ids=str,
)
def test_a_form_on_another_site_changes_nothing(
    make_browser: MakeBrowser,
    raise_case: RaiseCase,
    services: Services,
    headers: dict[str, str],
) -> None:
    case_id = raise_case(warning())
    browser = make_browser("li")
    if "X-CSRF-Token" not in headers and headers:
        headers = headers | {"X-CSRF-Token": browser.token}  # even with a token that leaked
    before = changes_of(services, case_id)
    refused = browser.client.post(
        f"/console/cases/{case_id}/claim", headers=headers, follow_redirects=False
    )
    assert refused.status_code == 403
    assert changes_of(services, case_id) == before


def test_the_api_refuses_a_cookie_without_the_token_too(
    make_browser: MakeBrowser, raise_case: RaiseCase
) -> None:
    case_id = raise_case(warning())
    browser = make_browser("li")
    assert browser.client.post(f"/v1/cases/{case_id}/claim", json={}).status_code == 403


def test_the_token_of_one_session_is_worth_nothing_in_another(
    make_browser: MakeBrowser, raise_case: RaiseCase
) -> None:
    case_id = raise_case(warning())
    li, wang = make_browser("li"), make_browser("wang")
    assert li.post(f"/console/cases/{case_id}/claim", token=wang.token).status_code == 403
    assert li.post(f"/console/cases/{case_id}/claim").status_code == 204


def test_signing_in_needs_the_form_that_this_browser_was_given(make_browser: MakeBrowser) -> None:
    browser = make_browser()
    form = {"name": "li", "password": PASSWORD, "csrf_token": "planted"}
    refused = browser.client.post("/console/sign-in", data=form, follow_redirects=False)
    assert refused.status_code == 403
    assert "forewarn" not in browser.client.cookies


def test_a_planted_session_is_not_adopted(make_browser: MakeBrowser) -> None:
    attacker, victim = make_browser("wang"), make_browser()
    planted = attacker.client.cookies["forewarn"]
    victim.client.cookies.set("forewarn", planted, domain="testserver.local", path="/")
    victim.sign_in("li")
    issued = [cookie.value for cookie in victim.client.cookies.jar if cookie.name == "forewarn"]
    assert any(value != planted for value in issued)
    assert "Wang" in attacker.client.get("/console/queue").text  # and still no other person
    fresh = make_browser()
    fresh.client.cookies.set("forewarn", "planted-before-signing-in")
    assert fresh.get("/console/queue").status_code == 303


def test_signing_out_ends_the_session_on_the_server(make_browser: MakeBrowser) -> None:
    browser = make_browser("li")
    kept = browser.client.cookies["forewarn"]
    assert browser.post("/console/sign-out").headers["HX-Redirect"] == "/console/sign-in"
    thief = make_browser()
    thief.client.cookies.set("forewarn", kept)
    assert thief.get("/console/queue").status_code == 303


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(
    make_browser: MakeBrowser,
) -> None:
    browser = make_browser()
    header = browser.sign_in("li").headers["set-cookie"]
    assert "HttpOnly" in header
    assert "SameSite=Lax" in header


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "/%0d%0aX: y\r\nZ: w"]
)
def test_signing_in_leads_to_this_site_only(make_browser: MakeBrowser, target: str) -> None:
    location = make_browser().sign_in("li", next_path=target).headers["location"]
    assert location.startswith("/")
    assert not location.startswith(("//", "/\\"))
    assert "\r" not in location
    assert "\n" not in location


def test_the_language_switch_leads_to_this_site_only(make_browser: MakeBrowser) -> None:
    for referer in ("https://evil.example/", "https://evil.example//evil.example/x", "//x"):
        response = make_browser().client.post(
            "/console/preferences",
            data={"language": "zh"},
            headers={"Referer": referer},
            follow_redirects=False,
        )
        assert response.headers["location"] in ("/console/", "/")


def test_guessing_a_password_is_stopped(make_browser: MakeBrowser) -> None:
    browser = make_browser()
    for _ in range(5):
        assert browser.sign_in("li", "a wrong guess").status_code == 401
    assert browser.sign_in("li").status_code == 401  # right, but paused
    statuses = {browser.sign_in(f"name{number}", "guess").status_code for number in range(20)}
    assert statuses == {401, 429}


MARKUP = '"><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}'


def test_text_from_a_warning_never_becomes_markup(
    make_browser: MakeBrowser, raise_case: RaiseCase, services: Services
) -> None:
    attack = "'\"><script>alert(1)</script>"
    case_id = raise_case(
        warning(
            district="430405",
            typology="unknown",
            model_version=attack,
            payee="<img/src=x/onerror=alert(1)>",
            decision=attack,
            reasons=(Reason(code=attack, value=1.0, contribution=1.0),),
        )
    )
    with services.db.write() as session:
        session.add(
            Activity(
                tenant="default",
                subject_id="s",
                kind="transfer",
                subscriber=VICTIM,
                at_ms=NOW_MS,
                status=attack,
                direction="outgoing",
                peer=attack,
                amount_minor=1,
                currency=attack[:3],
                duration_ms=0,
                source_offset=1,
            )
        )
    browser = make_browser("li")
    browser.post(f"/console/cases/{case_id}/claim")
    browser.post(f"/console/cases/{case_id}/note", text=MARKUP)
    boss = make_browser("boss")
    pages = [
        browser.get(f"/console/cases/{case_id}").text,
        browser.get("/console/queue").text,
        boss.get("/console/supervision").text,
        boss.get("/console/report").text,
        boss.get(f"/console/audit?actor={MARKUP}").text,
        boss.get(f"/console/routing?severity=high&district={MARKUP}").text,
        browser.get(f"/console/sign-in?next={MARKUP}").text,
    ]
    for text in pages:
        assert "<script>alert" not in text
        assert "<img" not in text
        assert "49" not in text.partition("onerror")[2][:60]  # no template in a template
    assert "&lt;script&gt;alert(1)" in pages[0]  # the note is there, as text


def test_every_answer_carries_the_secure_headers(make_browser: MakeBrowser) -> None:
    browser = make_browser("li")
    for path in (
        "/console/queue",
        "/console/sign-in",
        "/console/nothing",
        "/v1/cases",
        "/console/static/nothing",
    ):
        headers = browser.get(path).headers
        policy = headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


def test_pages_have_nothing_inline_that_the_policy_would_block(
    make_browser: MakeBrowser, raise_case: RaiseCase
) -> None:
    case_id = raise_case(warning(on_call=True))
    browser = make_browser("boss")
    for path in (
        "queue",
        f"cases/{case_id}",
        "supervision",
        "districts",
        "report",
        "lists",
        "routing",
        "patrol",
    ):
        text = browser.get(f"/console/{path}").text.lower()
        assert " style=" not in text
        assert "<style" not in text
        assert " onclick=" not in text
        assert "javascript:" not in text


def test_only_a_number_unmasked_on_purpose_leaves_the_server_and_it_is_audited(
    make_browser: MakeBrowser, raise_case: RaiseCase, services: Services
) -> None:
    case_id = raise_case(warning())
    li, wang = make_browser("li"), make_browser("wang")
    li.post(f"/console/cases/{case_id}/claim")
    for path in (f"cases/{case_id}", "queue", "patrol"):
        text = li.get(f"/console/{path}").text
        assert VICTIM not in text
        assert CALLER not in text
        assert PAYEE not in text
    assert wang.post(f"/console/cases/{case_id}/unmask", what="subscriber").status_code == 403
    shown = li.post(f"/console/cases/{case_id}/unmask", what="subscriber")
    assert VICTIM in shown.text
    with services.db.read() as session:
        records = session.scalars(
            select(AuditRecord).where(AuditRecord.action.startswith("personal."))
        ).all()
    assert [(row.actor, row.action, row.subject) for row in records] == [
        ("local:wang", "personal.unmask_refused", case_id),
        ("local:li", "personal.unmasked", case_id),
    ]
    assert not any(VICTIM in row.detail for row in records)


def test_a_person_sees_a_bounded_number_of_numbers_an_hour(
    make_browser: MakeBrowser, raise_case: RaiseCase, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alerting.cases.unmasking_log.RESPONDER_LIMIT", 3)
    case_id = raise_case(warning())
    li, boss = make_browser("li"), make_browser("boss")
    li.post(f"/console/cases/{case_id}/claim")
    path = f"/console/cases/{case_id}/unmask"
    for _ in range(3):
        assert VICTIM in li.post(path, what="subscriber").text
    refused = li.post(path, what="subscriber")
    assert refused.status_code == 409
    assert VICTIM not in refused.text
    shown = boss.post(path, what="subscriber", why="review_of_work")
    assert VICTIM in shown.text  # a limit of their own
    clock.advance(seconds=3601)
    li = make_browser("li")  # the session ended meanwhile
    assert VICTIM in li.post(path, what="subscriber").text


def test_nothing_is_shown_in_clear_when_it_cannot_be_audited(
    make_browser: MakeBrowser, raise_case: RaiseCase, services: Services,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    case_id = raise_case(warning())
    li = make_browser("li")
    li.post(f"/console/cases/{case_id}/claim")

    def broken(*_args: object, **_kwargs: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("alerting.cases.history.audit_log._extend_chain", broken)
    response = li.post(f"/console/cases/{case_id}/unmask", what="subscriber")
    assert response.status_code == 500
    assert VICTIM not in response.text


def test_a_case_is_not_assigned_to_a_person_who_cannot_see_it(
    make_browser: MakeBrowser, raise_case: RaiseCase, services: Services
) -> None:
    case_id = raise_case(warning())
    boss = make_browser("boss")
    for colleague in ("local:stranger", "local:analyst", "local:missing"):
        assert boss.post(f"/console/cases/{case_id}/assign", to=colleague).status_code == 404
    assert boss.post(f"/console/cases/{case_id}/assign", to="local:wang").status_code == 200
    with services.db.read() as session:
        assert session.get_one(Case, case_id).holder == "local:wang"


def test_a_nul_in_any_field_is_refused_before_the_database_sees_it(
    make_browser: MakeBrowser, raise_case: RaiseCase, services: Services
) -> None:
    case_id = raise_case(warning())
    boss = make_browser("boss")
    boss.post(f"/console/cases/{case_id}/claim")
    before = changes_of(services, case_id)
    entry = {"name": "block", "kind": "phone", "peer": CALLER, "reason": "seen\x00twice"}
    refused = [
        boss.post(f"/console/cases/{case_id}/note", text="x\x00y"),
        boss.post(f"/console/cases/{case_id}/release", reason="x\x00y"),
        boss.post("/console/lists", **entry),
        boss.get("/console/audit?actor=x%00y"),
        boss.get("/console/cases/c%00"),
    ]
    assert [answer.status_code for answer in refused] == [422] * len(refused)
    assert changes_of(services, case_id) == before


PUBLIC_ROUTES = {
    ("GET", "/"),
    ("GET", "/console/sign-in"),
    ("POST", "/console/sign-in"),
    ("GET", "/console/oidc/start"),
    ("GET", "/console/oidc/callback"),
    ("POST", "/console/preferences"),
    ("POST", "/v1/deliveries/{delivery_id}/result"),  # for gateways, by signature
    ("GET", "/v1/calendars/{token}.ics"),  # for calendar programs, by a secret address
    ("GET", "/answer/{token}"),  # for the person of a page, by a signed link
    ("POST", "/answer/{token}"),
}
SIGNED_IN_ROUTES = {("GET", "/console"), ("GET", "/console/"), ("POST", "/console/sign-out")}


def routes_of(router: APIRouter) -> Iterator[APIRoute]:
    """The routes of a router and of those that it includes."""
    for route in router.routes:
        if isinstance(route, APIRoute):
            yield route
        elif hasattr(route, "original_router"):
            yield from routes_of(route.original_router)


def test_every_route_asks_for_a_permission(make_browser: MakeBrowser, clock: Clock) -> None:
    app = make_browser().client.app
    _, key = app.state.access.keys.create(
        name="nothing", grants=Grants.of([], ["*"], ["*"]), created_by="x", days=1, now_ms=clock()
    )
    stranger = TestClient(app, follow_redirects=False)
    powerless = TestClient(app, headers={"Authorization": f"Bearer {key}"}, follow_redirects=False)
    operations = {
        (method, route.path) for route in routes_of(app.router) for method in route.methods
    }
    assert operations >= PUBLIC_ROUTES | SIGNED_IN_ROUTES
    assert len(operations) > 60
    for method, path in sorted(operations - PUBLIC_ROUTES):
        url = path.replace("{", "").replace("}", "")
        clock.advance(seconds=60)
        assert stranger.request(method, url).status_code in (401, 303), (method, path)
        if (method, path) not in SIGNED_IN_ROUTES:
            assert powerless.request(method, url).status_code == 403, (method, path)
