"""Rotas over HTTP."""

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from tests.alerting.factory import NOW_MS

HOUR_MS = 3_600_000
BODY = {
    "team": "duty",
    "name": "Desk",
    "first_day": "2025-06-15",
    "members": [{"responder": "oidc:li", "channel": "sms", "address": "+8613900000001"}],
}
Keys = Callable[..., dict[str, str]]


@pytest.fixture
def planner(key_for: Keys) -> dict[str, str]:
    return key_for("supervisor")


def test_a_rota_is_planned_read_and_ended(
    client: TestClient, planner: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "alerting.access.access_control.AccessControl.check_responder", lambda *_: None
    )
    made = client.post("/v1/rotas", json=BODY, headers=planner)
    assert made.status_code == 201, made.text
    rota = made.json()
    assert rota["members"] == ["oidc:li"]
    period = {"from_ms": NOW_MS, "to_ms": NOW_MS + 48 * HOUR_MS}
    duties = client.get("/v1/rotas/duties", params=period, headers=planner).json()
    assert [duty["responder"] for duty in duties] == ["oidc:li"] * 3
    assert client.get("/v1/rotas/gaps", params=period, headers=planner).json() == []
    override = {
        "responder": "oidc:wang", "channel": "voice", "address": "+86139", "reason": "Illness",
        "starts_at_ms": NOW_MS, "ends_at_ms": NOW_MS + HOUR_MS,
    }  # fmt: skip
    path = f"/v1/rotas/{rota['rota_id']}"
    changed = client.post(f"{path}/overrides", json=override, headers=planner)
    assert changed.status_code == 201, changed.text
    assert "+86139" not in changed.text
    duties = client.get("/v1/rotas/duties", params=period, headers=planner).json()
    assert "oidc:wang" in [duty["responder"] for duty in duties]
    assert client.delete(path, headers=planner).status_code == 200
    assert client.get("/v1/rotas", headers=planner).json() == []
    assert client.delete(path, headers=planner).status_code == 404


@pytest.mark.parametrize("to_ms", [NOW_MS, NOW_MS - 1, NOW_MS + 401 * 24 * HOUR_MS])
def test_a_period_that_is_empty_or_too_long_is_refused(
    client: TestClient, planner: dict[str, str], to_ms: int
) -> None:
    period = {"from_ms": NOW_MS, "to_ms": to_ms}
    for path in ("/v1/rotas/duties", "/v1/rotas/gaps"):
        assert client.get(path, params=period, headers=planner).status_code == 422
