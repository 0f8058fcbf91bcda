"""The HTTP API: what it takes, what it refuses, and how it says so."""

from collections.abc import Callable
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from fastapi.testclient import TestClient

from alerting.access import EVERYTHING
from alerting.access.users import UserFile
from alerting.db.dispatch_tables import Delivery
from alerting.web.api.body_limit import MAX_BODY_BYTES
from alerting.web.application import create_probes
from alerting.web.service_container import Services
from forewarn.contracts.event_codec import encode
from forewarn.platform.request_signature import Signed, sign
from tests.alerting.factory import CALLER, NOW_MS, PAYEE, VICTIM, Clock, warning

Keys = Callable[..., dict[str, str]]


def raise_one(client: TestClient, **changes: object) -> str:
    answer = client.post("/v1/warnings", content=encode(warning(**changes)))
    assert answer.status_code in (200, 201), answer.text
    return answer.json()["case_id"]


def test_a_warning_becomes_a_case_and_an_outcome(client: TestClient) -> None:
    case_id = raise_one(client)
    assert client.post(f"/v1/cases/{case_id}/claim").json()["state"] == "acknowledged"
    body = {"method": "phone", "reached": True, "note": "she hung up"}
    assert client.post(f"/v1/cases/{case_id}/contact", json=body).json()["state"] == "in_contact"
    closed = client.post(f"/v1/cases/{case_id}/close", json={"disposition": "dissuaded"})
    assert closed.json()["prevented_minor"] == 5_000_000
    file = client.get(f"/v1/cases/{case_id}").json()
    assert [event["kind"] for event in file["events"]] == [
        "warning_raised", "claimed", "contact_made", "closed",
    ]  # fmt: skip
    assert client.get("/v1/cases").json()["total"] == 0


def test_no_number_leaves_in_clear(client: TestClient, app: FastAPI) -> None:
    case_id = raise_one(client)
    probes = TestClient(create_probes(app.state.health))
    for who, path in (
        (client, "/v1/cases"), (client, f"/v1/cases/{case_id}"), (probes, "/metrics"),
    ):  # fmt: skip
        text = who.get(path).text
        for secret in (VICTIM, CALLER, PAYEE):
            assert secret not in text
            assert secret[3:] not in text


def test_a_request_that_is_repeated_with_its_key_gets_the_same_answer(client: TestClient) -> None:
    headers = {"Idempotency-Key": "k-1"}
    first = client.post("/v1/warnings", content=encode(warning()), headers=headers)
    again = client.post("/v1/warnings", content=encode(warning()), headers=headers)
    other = client.post("/v1/warnings", content=encode(warning("w-2")), headers=headers)
    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 409)
    assert first.json() == again.json()


def test_errors_are_problem_documents(client: TestClient) -> None:
    case_id = raise_one(client)
    refused = client.post(f"/v1/cases/{case_id}/close", json={"disposition": "dissuaded"})
    missing = client.get("/v1/cases/none")
    invalid = client.post(f"/v1/cases/{case_id}/contact", json={"method": VICTIM})
    not_json = client.post("/v1/warnings", content=b"{")
    stale = client.post(f"/v1/cases/{case_id}/claim", json={"version": 99})
    nowhere = client.get("/nowhere")
    for answer, status, code in (
        (refused, 409, "close_not_allowed_when_new"),
        (missing, 404, "not_found"),
        (invalid, 422, "invalid_request"),
        (not_json, 422, "not_json"),
        (stale, 409, "changed_meanwhile"),
        (nowhere, 404, "not_found"),
    ):
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"] == f"urn:forewarn:problem:{code}"
        assert VICTIM not in answer.text


def test_what_lies_outside_a_scope_does_not_exist(client: TestClient, key_for: Keys) -> None:
    case_id = raise_one(client, district="110105")
    hengyang = key_for("responder", districts=("4304*",))
    assert client.get("/v1/cases", headers=hengyang).json()["total"] == 0
    for path in ("claim", "acknowledge"):
        answer = client.post(f"/v1/cases/{case_id}/{path}", headers=hengyang)
        assert answer.status_code == 404
    assert client.get(f"/v1/cases/{case_id}", headers=hengyang).status_code == 404


@pytest.mark.parametrize(
    ("role", "method", "path"),
    [
        ("responder", "POST", "/v1/warnings"),
        ("responder", "GET", "/v1/reports/prevented-loss"),
        ("analyst", "POST", "/v1/cases/c-1/claim"),
        ("auditor", "POST", "/v1/lists"),
        ("service", "POST", "/v1/cases/c-1/reopen"),
        ("administrator", "GET", "/v1/cases"),
    ],
)
def test_a_role_may_do_its_job_and_no_more(
    client: TestClient, key_for: Keys, role: str, method: str, path: str
) -> None:
    assert client.request(method, path, headers=key_for(role)).status_code == 403


def test_nothing_is_open_but_probes_and_metrics_on_their_own_port(
    client: TestClient, app: FastAPI
) -> None:
    document = client.get("/openapi.json").json()
    client.headers.pop("Authorization")
    for path, operations in document["paths"].items():
        for method in operations:
            answer = client.request(method.upper(), path.replace("{", "").replace("}", ""))
            # The address of a calendar is a secret itself, and a wrong one shows nothing.
            refusal = 404 if path == "/v1/calendars/{token}.ics" else 401
            assert answer.status_code == refusal, (method, path, answer.status_code)
    probes = TestClient(create_probes(app.state.health))
    assert probes.get("/healthz/ready").json()["status"] == "ok"
    assert "forewarn_" in probes.get("/metrics").text
    for path in ("/healthz/ready", "/healthz/live", "/metrics"):
        assert client.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/v1/warnings", "/v1/losses", "/v1/deliveries/d-1/result"])
def test_a_body_that_is_too_long_is_refused_before_authentication(
    client: TestClient, path: str
) -> None:
    chunked = client.post(path, content=iter([b"x" * 40_000] * 2))
    client.headers.pop("Authorization")
    said = client.post(path, content=b"x" * (MAX_BODY_BYTES + 1))
    for answer in (said, chunked):
        assert answer.status_code == 413
        assert answer.json()["type"] == "urn:forewarn:problem:content_too_large"
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert client.post(path, content=b"x" * MAX_BODY_BYTES).status_code in (401, 422)


def test_the_queue_is_in_order_of_loss_and_time_left(client: TestClient, clock: Clock) -> None:
    small_soon = raise_one(client, warning_id="w-1", subscriber="+861", expected_loss_minor=100_000)
    large_later = raise_one(
        client, warning_id="w-2", subscriber="+862", expected_loss_minor=9_000_000,
        amount_at_risk_minor=9_000_000, severity="medium",
    )  # fmt: skip
    tiny = raise_one(client, warning_id="w-3", subscriber="+863", expected_loss_minor=10)

    def order() -> list[str]:
        return [case["case_id"] for case in client.get("/v1/cases").json()["cases"]]

    assert order() == [large_later, small_soon, tiny]
    clock.advance(seconds=59.5)
    assert order() == [small_soon, large_later, tiny]


def test_a_case_is_assigned_only_to_a_person_who_may_work_on_it(
    client: TestClient, services: Services, key_for: Keys, app: FastAPI, tmp_path: Path
) -> None:
    users = UserFile(tmp_path / "users.json", hasher=PasswordHasher(1, 8, 1))
    for name, district in (("li", "4304*"), ("far", "1101*")):
        users.save(name, "correct horse battery", roles=["responder"], districts=[district])
    case_id = raise_one(client)
    for to, status in (("local:missing", 404), ("local:far", 404), ("local:li", 200)):
        answer = client.post(
            f"/v1/cases/{case_id}/assign", json={"to": to}, headers=key_for("supervisor")
        )
        assert answer.status_code == status
    assert services.case_queries.get(EVERYTHING, case_id).holder == "local:li"


@pytest.fixture
def orders(client: TestClient, services: Services) -> list[str]:
    """Two orders that await an answer, and secrets of the gateways."""
    case_id = raise_one(client)
    with services.db.write() as session:
        for delivery_id, channel in (("d-1", "bank"), ("d-2", "operator")):
            session.add(
                Delivery(
                    delivery_id=delivery_id, case_id=case_id, tenant="default", district="",
                    subscriber="", channel=channel, purpose="protect", recipient=channel,
                    address="t", template="page", language="zh", content={}, reason="test",
                    state="awaiting", not_before_ms=NOW_MS, created_at_ms=NOW_MS,
                )
            )  # fmt: skip
    secrets = {"bank": "of the bank", "operator": "of the operator", "sms": ""}
    object.__setattr__(services, "gateway_secrets", secrets)
    return ["d-1", "d-2"]


CONFIRMED, BUSY = b'{"result": "confirmed"}', b'{"result": "busy"}'


def report(client: TestClient, delivery_id: str, body: bytes, headers: dict[str, str]) -> int:
    path = f"/v1/deliveries/{delivery_id}/result"
    return client.post(path, content=body, headers=headers).status_code


def test_a_gateways_report_has_to_be_signed(
    client: TestClient, orders: list[str], clock: Clock
) -> None:
    [order, _] = orders
    said = Signed("report", order, "", CONFIRMED)
    good = sign("of the bank", said, clock())
    for refused in (
        {},
        sign("guessed", said, clock()),
        sign("of the bank", said, clock() - 301_000),
        sign("of the bank", Signed("request", order, "", CONFIRMED), clock()),
        good | {"Idempotency-Key": "another"},
    ):
        assert report(client, order, CONFIRMED, refused) == 401
    assert report(client, order, BUSY, good) == 401
    assert report(client, order, CONFIRMED, good) == 200
    assert report(client, order, CONFIRMED, good) == 200
    busy = sign("of the bank", Signed("report", order, "", BUSY), clock())
    assert report(client, order, BUSY, busy) == 409


def test_a_gateway_answers_for_its_own_deliveries_only(
    client: TestClient, orders: list[str], clock: Clock
) -> None:
    [of_the_bank, of_the_operator] = orders
    own = sign("of the bank", Signed("report", of_the_bank, "", CONFIRMED), clock())
    assert report(client, of_the_operator, CONFIRMED, own) == 401  # it names the delivery
    other = sign("of the bank", Signed("report", of_the_operator, "", CONFIRMED), clock())
    assert report(client, of_the_operator, CONFIRMED, other) == 404
