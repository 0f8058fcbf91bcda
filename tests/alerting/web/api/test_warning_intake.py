"""Warnings over HTTP that arrive together: one transaction, each with its own answer."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from alerting.access import EVERYTHING, Principal
from alerting.db.case_tables import Warning_
from alerting.service_errors import ConflictError
from alerting.web.api.idempotency import StoredAnswer
from alerting.web.api.warning_intake import IncomingWarning, WarningIntake
from alerting.web.service_container import Services
from forewarn.contracts.event_codec import encode
from tests.alerting.factory import warning

WHO = Principal("key:1", "source", frozenset({"ingest"}), EVERYTHING, "api_key")


def incoming(warning_id: str, phone: str, key: str | None, digest: str = "d") -> IncomingWarning:
    return IncomingWarning(warning(warning_id, subscriber=phone), WHO, key, digest)


def test_a_group_answers_each_request_and_repeats_an_answer_by_its_key(services: Services) -> None:
    intake = WarningIntake(services)
    group = [
        incoming("w-1", "+8613800000001", "k-1"),
        incoming("w-2", "+8613800000002", None),
        incoming("w-1", "+8613800000001", "k-2"),  # the same warning again
        incoming("w-2", "+8613800000009", None),  # a warning of another person
    ]
    answers = intake._apply(group)
    assert [one.status for one in answers] == [201, 201, 200, 404]  # type: ignore[attr-defined]
    again = intake._apply([group[0], incoming("w-9", "+8613800000003", "k-1", "other")])
    assert isinstance(again[0], StoredAnswer)
    assert again[0] == answers[0]
    assert isinstance(again[1], ConflictError)
    with services.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Warning_)) == 2


def test_requests_at_the_same_time_are_all_answered(
    client: TestClient, key_for: Callable[..., dict[str, str]], services: Services
) -> None:
    headers = key_for("ingest")

    def send(number: int) -> int:
        body = encode(warning(f"w-{number}", subscriber=f"+861380000{number:04d}"))
        return client.post("/v1/warnings", content=body, headers=headers).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(send, range(24))) == {201}
    with services.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Warning_)) == 24


@pytest.mark.parametrize("key", ["", "a b", "k" * 129])
def test_a_key_that_is_none_is_refused_with_its_header(
    client: TestClient, key_for: Callable[..., dict[str, str]], services: Services, key: str
) -> None:
    headers = key_for("ingest") | {"Idempotency-Key": key}
    answer = client.post("/v1/warnings", content=encode(warning("w-1")), headers=headers)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "header.Idempotency-Key"
    with services.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Warning_)) == 0


def test_a_role_that_raises_no_warnings_is_refused(
    client: TestClient, key_for: Callable[..., dict[str, str]]
) -> None:
    body = encode(warning("w-1"))
    assert client.post("/v1/warnings", content=body, headers=key_for("auditor")).status_code == 403
    unknown = {"Authorization": "Bearer fwk_none"}
    assert client.post("/v1/warnings", content=body, headers=unknown).status_code == 401
