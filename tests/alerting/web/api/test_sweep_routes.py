"""Held sweeps over HTTP: a supervisor decides, numbers stay masked."""

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from alerting.db.contact_tables import Sweep
from alerting.web.service_container import Services
from tests.alerting.cases.ledger.test_closing import case_of
from tests.alerting.factory import CALLER, NOW_MS, warning


@pytest.fixture
def held(services: Services) -> str:
    services.ingestor.ingest([warning()], "test")
    with services.db.write() as session:
        session.add(
            Sweep(
                sweep_id="s-1", tenant="default", case_id=case_of(services, "w-1"), kind="phone",
                peer=CALLER, state="held", held_because="touches_too_many", requested_at_ms=NOW_MS,
            )
        )  # fmt: skip
    return "s-1"


def test_a_supervisor_decides_once_and_sees_no_number(
    client: TestClient, key_for: Callable[..., dict[str, str]], held: str
) -> None:
    supervisor = key_for("supervisor")
    [shown] = client.get("/v1/sweeps", headers=supervisor).json()
    assert (shown["sweep_id"], shown["held_because"]) == (held, "touches_too_many")
    assert CALLER not in str(shown)
    path = f"/v1/sweeps/{held}/approve"
    assert client.post(path, headers=key_for("responder")).status_code == 403
    assert client.post(path, headers=supervisor).json()["state"] == "pending"
    assert client.post(path, headers=supervisor).json()["type"].endswith("sweep_not_held")
    assert client.get("/v1/sweeps", headers=supervisor).json() == []


def test_a_sweep_of_another_tenant_does_not_exist(
    client: TestClient, key_for: Callable[..., dict[str, str]], held: str
) -> None:
    stranger = key_for("supervisor", tenants=("elsewhere",))
    assert client.get("/v1/sweeps", headers=stranger).json() == []
    assert client.post(f"/v1/sweeps/{held}/reject", headers=stranger).status_code == 404
