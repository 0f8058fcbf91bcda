"""The log of webhooks over HTTP, playbooks, and the header that opens a proxy for the patrol feed."""

from collections.abc import Callable

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from alerting.db.webhook_tables import WebhookCall
from alerting.web.service_container import Services
from tests.alerting.factory import NOW_MS, warning
from tests.alerting.web.api.conftest import SERVICE_KEY
from tests.alerting.web.console import live

Keys = Callable[..., dict[str, str]]


@pytest.fixture
def call(services: Services) -> None:
    with services.db.write() as session:
        session.add(
            WebhookCall(
                target="tickets", event_no=7, case_id="c-1", tenant="default", district="430405",
                event="opened", body={}, state="given_up", attempts=12, next_at_ms=NOW_MS,
                created_at_ms=NOW_MS,
            )
        )  # fmt: skip


@pytest.mark.usefixtures("call")
def test_the_log_is_read_in_scope_and_a_call_is_sent_again_once(
    client: TestClient, key_for: Keys
) -> None:
    here = key_for("supervisor", districts=("4304*",))
    far = key_for("supervisor", districts=("1101*",))
    path = "/v1/webhooks/calls/tickets/7/resend"
    [row] = client.get("/v1/webhooks/calls?state=given_up&target=tickets", headers=here).json()
    assert (row["event_no"], row["attempts"]) == (7, 12)
    assert client.get("/v1/webhooks/calls", headers=far).json() == []
    assert client.post(path, headers=far).status_code == 404
    assert client.post(path, headers=here).json()["state"] == "pending"
    assert client.post(path, headers=here).status_code == 409


def test_a_playbook_is_read_and_ticked_over_http(
    client: TestClient, key_for: Keys, services: Services
) -> None:
    case_id = services.ingestor.ingest([warning()], "test").results[0][1]
    responder = key_for("responder")
    path = f"/v1/cases/{case_id}"
    answer = client.post(f"{path}/tasks/hold", headers=responder, json={})
    assert answer.status_code == 200, answer.text
    found = client.get(f"{path}/playbook?language=en", headers=responder).json()
    assert found["typology"] == "police_impersonation"
    done = {task["key"]: task["done_by"] for task in found["tasks"]}
    assert done["hold"] is not None
    assert done["separate"] is None
    assert client.get("/v1/skipped-tasks", headers=key_for("supervisor")).json() == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_patrol_feed_asks_proxies_not_to_hold_events_back(app: FastAPI) -> None:
    with (
        live.serving(app) as address,
        httpx.Client(base_url=address, timeout=10) as http,
        http.stream(
            "GET", "/v1/patrol/feed", headers={"Authorization": f"Bearer {SERVICE_KEY}"}
        ) as answer,
    ):
        assert answer.headers["x-accel-buffering"] == "no"
        assert next(answer.iter_text()).startswith(": connected")
