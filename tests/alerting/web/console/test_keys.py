"""Keys of services: one purpose each, within the scope of the administrator who makes them."""

import json
import re
from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from alerting.access.roles import PURPOSES
from alerting.db.access_tables import api_keys
from alerting.db.journal_tables import AuditRecord
from alerting.web.service_container import Services
from forewarn.contracts.fraud_warning import FraudWarning
from tests.alerting.factory import warning
from tests.alerting.web.console.conftest import ON_SQLITE, Browser

pytestmark = ON_SQLITE

MakeBrowser = Callable[..., Browser]
RaiseCase = Callable[[FraudWarning], str]


def make(browser: Browser, purpose: str = "ingest", **form: str) -> str:
    page = browser.post("/console/keys", name="bank", days="1", purpose=purpose, **form)
    key = page.text.partition('id="made-key">')[2].partition("<")[0]
    assert key.startswith("fwk_"), page.text
    return key


def id_of(key: str) -> str:
    return key.split("_")[1]


def test_an_administrator_cannot_make_a_key_that_reads_cases(
    make_browser: MakeBrowser, raise_case: RaiseCase
) -> None:
    case_id = raise_case(warning())
    admin = make_browser("admin")
    for purpose in PURPOSES:
        key = make(admin, purpose)
        assert key not in admin.get("/console/keys").text  # shown once
        service = TestClient(admin.client.app, headers={"Authorization": f"Bearer {key}"})
        for path in (f"/v1/cases/{case_id}", "/v1/cases", f"/console/cases/{case_id}", "/v1/lists"):
            assert service.get(path).status_code == 403
        loss = {"lost_minor": 1}
        assert service.post(f"/v1/cases/{case_id}/losses", json=loss).status_code == 403


@pytest.mark.parametrize("purpose", ["service", "responder", "supervisor", "administrator", ""])
def test_a_key_gets_none_of_the_other_roles(
    make_browser: MakeBrowser, services: Services, purpose: str
) -> None:
    form = {"name": "bank", "days": "1", "purpose": purpose}
    assert make_browser("admin").post("/console/keys", **form).status_code == 422
    with services.db.read() as session:
        assert session.scalar(select(func.count()).select_from(api_keys)) == 0


@pytest.mark.parametrize(
    ("tenants", "districts"),
    [("*", "4301*"), ("default", "4301*"), ("changsha", "*"), ("changsha", "43*"),
     ("changsha default", "430101")],
)  # fmt: skip
def test_a_key_reaches_no_further_than_its_maker(
    make_browser: MakeBrowser, services: Services, tenants: str, districts: str
) -> None:
    form = {"name": "bank", "days": "1", "purpose": "ingest"}
    clerk = make_browser("clerk")
    refused = clerk.post("/console/keys", **form, tenants=tenants, districts=districts)
    assert refused.status_code == 404
    with services.db.read() as session:
        assert session.scalar(select(func.count()).select_from(api_keys)) == 0
    make(clerk, tenants="changsha", districts="430101")


def test_a_key_of_another_scope_is_neither_listed_nor_revoked(make_browser: MakeBrowser) -> None:
    admin, clerk = make_browser("admin"), make_browser("clerk")
    wide, narrow = id_of(make(admin)), id_of(make(clerk, tenants="changsha", districts="4301*"))
    assert wide not in clerk.get("/console/keys").text
    assert clerk.post(f"/console/keys/{wide}/revoke").status_code == 404
    assert narrow in admin.get("/console/keys").text
    assert admin.post(f"/console/keys/{narrow}/revoke").status_code == 204


def test_the_audit_log_names_the_permissions_of_a_key(
    make_browser: MakeBrowser, services: Services
) -> None:
    admin = make_browser("admin")
    key_id = id_of(make(admin, "loss_report", tenants="default", districts="4304*"))
    admin.post(f"/console/keys/{key_id}/revoke")
    with services.db.read() as session:
        made, revoked = session.scalars(
            select(AuditRecord).where(AuditRecord.subject == f"key:{key_id}")
        )
    assert json.loads(made.detail) == {
        "purpose": ["loss_report"], "tenants": ["default"], "districts": ["4304*"], "days": 1,
    }  # fmt: skip
    assert [made.action, revoked.action] == ["access.key_made", "access.key_revoked"]


def test_a_key_that_cannot_be_audited_is_not_made(
    make_browser: MakeBrowser, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = make_browser("admin")

    def broken(*_args: object, **_kwargs: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("alerting.cases.history.audit_log._extend_chain", broken)
    form = {"name": "bank", "days": "1", "purpose": "ingest"}
    assert admin.post("/console/keys", **form).status_code == 500
    with services.db.read() as session:
        assert session.scalar(select(func.count()).select_from(api_keys)) == 0


def test_an_administrator_sees_who_is_signed_in_and_ends_it(make_browser: MakeBrowser) -> None:
    li, admin, clerk = make_browser("li"), make_browser("admin"), make_browser("clerk")
    page = admin.get("/console/keys").text
    assert "local:li" in page
    path = re.search(r"local:li<.*?(/console/sessions/[0-9a-f]+/end)", page, re.DOTALL).group(1)
    assert clerk.post(path).status_code == 404
    assert "local:li" not in clerk.get("/console/keys").text
    assert li.get("/console/queue").status_code == 200
    assert admin.post(path).status_code == 204
    assert li.get("/console/queue").status_code == 303
    assert make_browser("boss").post(path).status_code == 403
