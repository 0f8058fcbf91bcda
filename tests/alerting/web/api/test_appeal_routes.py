"""Objections over the API are decided by another key than the one that took them down or ordered."""

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from alerting.web.service_container import Services
from tests.alerting.factory import warning

TYPE = "urn:forewarn:problem:{}"
Key = Callable[..., dict[str, str]]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_neither_who_ordered_nor_who_took_it_down_decides(
    client: TestClient, key_for: Key, services: Services
) -> None:
    case_id = services.ingestor.ingest([warning(severity="medium")], "test").results[0][1]
    orderer, taker, third = (key_for("supervisor") for _ in range(3))
    body = {"kind": "stop_account", "payee_account": "6222020000007654321", "reason": "paid there"}
    placed = client.post(f"/v1/cases/{case_id}/orders", json=body, headers=orderer)
    order_id = placed.json()["order_id"]
    for way in ("api", "phone"):
        objection = {"objector": "Zhao Lei", "statement": "It is mine.", "way": way}
        filed = client.post(f"/v1/orders/{order_id}/appeals", json=objection, headers=taker)
        assert filed.status_code == 201, filed.text
        decide = f"/v1/appeals/{filed.json()['appeal_id']}/decide"
        for headers in (orderer, taker):
            for uphold in (True, False):
                answer = client.post(
                    decide, json={"uphold": uphold, "reason": "no"}, headers=headers
                )
                assert answer.json()["type"] == TYPE.format("needs_another_person")
            answer = client.post(
                f"/v1/orders/{order_id}/release", json={"reason": "cleared"}, headers=headers
            )
            assert answer.json()["type"] == TYPE.format("objection_needs_another_person")
        assert client.post(decide, json={"uphold": False, "reason": "no"}).status_code == 403
        decided = client.post(decide, json={"uphold": False, "reason": "no"}, headers=third)
        assert decided.json()["state"] == "refused"
