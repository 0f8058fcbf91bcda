"""What comes in over HTTP: bounded by the scope of its key, and never above what Kafka brought."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from alerting.db.case_tables import Case, Warning_
from alerting.db.journal_tables import AuditRecord, OutboxMessage
from alerting.messaging.topic_reader import TopicRecord
from alerting.web.service_container import Services
from forewarn.contracts.event_codec import decode_outcome, encode
from forewarn.contracts.fraud_warning import FraudWarning, Source
from forewarn.errors import ContractError
from tests.alerting.factory import CALLER, NOW_MS, VICTIM, warning

Keys = Callable[..., dict[str, str]]
LOSS: dict[str, Any] = {
    "subscriber": VICTIM,
    "district": "430405",
    "lost_minor": 100,
    "lost_at_ms": NOW_MS - 60_000,
}


def outcomes(services: Services) -> list[Any]:
    with services.db.read() as session:
        sent = session.scalars(select(OutboxMessage.value).where(OutboxMessage.topic == "outcomes"))
        return [decode_outcome(value) for value in sent if value]


def stored(services: Services, warning_id: str = "w-1") -> Warning_:
    with services.db.read() as session:
        return session.get_one(Warning_, warning_id)


@pytest.fixture
def hengyang(key_for: Keys) -> dict[str, str]:
    return key_for("service", tenants=("default",), districts=("4304*",))


@pytest.fixture
def changsha(key_for: Keys) -> dict[str, str]:
    return key_for("service", tenants=("changsha",))


def test_a_loss_without_a_warning_is_a_label_without_accused_parties(
    client: TestClient, services: Services, hengyang: dict[str, str]
) -> None:
    answer = client.post("/v1/losses", json=LOSS | {"transfer_id": "t-9"}, headers=hengyang)
    assert answer.status_code == 202
    [outcome] = outcomes(services)
    assert answer.json() == {"event_id": outcome.event_id, "case_id": None}
    assert (outcome.disposition, outcome.lost_minor) == ("loss_occurred", 100)
    assert (outcome.callers, outcome.payees, outcome.case_id) == ((), (), None)
    assert (outcome.label_time_ms, outcome.fraud_began_ms) == (NOW_MS, NOW_MS - 60_000)


def test_the_same_loss_reported_twice_is_one_event(client: TestClient, services: Services) -> None:
    for _ in range(2):
        client.post("/v1/losses", json=LOSS)
    first, second = outcomes(services)
    assert first.event_id == second.event_id


@pytest.mark.parametrize(
    "said",
    [
        {"disposition": "false_alarm"},
        {"callers": [CALLER]},
        {"payees": ["6222"]},
        {"case_id": "c-1"},
        {"warning_id": "w-1"},
        {"event_id": "o-1"},
        {"lost_minor": 0},
        {"lost_at_ms": NOW_MS + 1},
    ],
    ids=str,
)
def test_a_loss_says_nothing_else_and_switches_no_warning_off(
    client: TestClient, services: Services, said: dict[str, object]
) -> None:
    assert client.post("/v1/losses", json=LOSS | said).status_code == 422
    assert outcomes(services) == []


@pytest.mark.parametrize(
    "elsewhere", [{"tenant": "changsha"}, {"district": "110105"}, {"district": ""}], ids=str
)
def test_a_loss_outside_the_scope_of_its_key_is_not_taken(
    client: TestClient, services: Services, hengyang: dict[str, str], elsewhere: dict[str, str]
) -> None:
    assert client.post("/v1/losses", json=LOSS | elsewhere, headers=hengyang).status_code == 404
    assert outcomes(services) == []


def test_naming_ones_own_district_does_not_bring_a_stranger_into_it(
    client: TestClient, services: Services, hengyang: dict[str, str]
) -> None:
    services.ingestor.ingest([warning(district="110105")], "test")
    assert client.post("/v1/losses", json=LOSS, headers=hengyang).status_code == 404
    assert outcomes(services) == []


def test_a_loss_that_was_warned_of_belongs_to_its_case(
    client: TestClient, services: Services, hengyang: dict[str, str], changsha: dict[str, str]
) -> None:
    services.ingestor.ingest([warning(subject_id="t-1")], "test")
    report = LOSS | {"transfer_id": "t-1"}
    assert client.post("/v1/losses", json=report, headers=changsha).status_code == 404
    other = report | {"subscriber": "+8613800002222"}
    assert client.post("/v1/losses", json=other, headers=hengyang).status_code == 404
    taken = client.post("/v1/losses", json=report, headers=hengyang).json()
    with services.db.read() as session:
        case = session.scalars(select(Case)).one()
    assert taken == {"event_id": None, "case_id": case.case_id}
    assert case.lost_minor == 100


def test_the_audit_log_names_who_reported_a_loss_and_no_number(
    client: TestClient, services: Services
) -> None:
    client.post("/v1/losses", json=LOSS)
    with services.db.read() as session:
        line = session.scalars(select(AuditRecord)).one()
    assert (line.actor, line.action) == ("key:settings", "unwarned_loss")
    assert VICTIM not in line.detail + line.subject


def post(client: TestClient, headers: dict[str, str], item: FraudWarning) -> int:
    return client.post("/v1/warnings", content=encode(item), headers=headers).status_code


@pytest.mark.parametrize("elsewhere", [{"tenant": "changsha"}, {"district": "110105"}], ids=str)
def test_a_warning_outside_the_scope_of_its_key_is_not_taken(
    client: TestClient, services: Services, hengyang: dict[str, str], elsewhere: dict[str, str]
) -> None:
    assert post(client, hengyang, warning(**elsewhere)) == 404
    with services.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Warning_)) == 0


def test_a_withdrawal_outside_the_scope_of_its_key_is_refused(
    client: TestClient, services: Services, hengyang: dict[str, str], changsha: dict[str, str]
) -> None:
    services.ingestor.ingest([warning(district="110105", source=Source(":http", 0, 1))], "test")
    later = {"action": "withdraw", "raised_at_ms": NOW_MS + 1_000}
    assert post(client, changsha, warning(tenant="changsha", **later)) == 404
    assert post(client, hengyang, warning(district="430405", **later)) == 404
    assert stored(services).action == "raise"


def test_what_came_from_kafka_is_not_revised_over_http(
    client: TestClient, services: Services, hengyang: dict[str, str]
) -> None:
    services.ingestor.ingest([warning()], "kafka")
    forged = warning(
        action="withdraw", raised_at_ms=NOW_MS + 50_000, source=Source("transfers", 0, 2**62)
    )
    assert post(client, hengyang, forged) == 200
    assert stored(services).action == "raise"
    services.ingestor.ingest([warning(offset=2, action="update", severity="high")], "kafka")
    assert stored(services).severity == "high"


def test_kafka_revises_what_came_over_http(
    client: TestClient, services: Services, hengyang: dict[str, str]
) -> None:
    assert post(client, hengyang, warning(raised_at_ms=NOW_MS + 50_000)) == 201
    services.ingestor.ingest([warning(action="update", severity="high")], "kafka")
    assert stored(services).severity == "high"


def test_over_http_the_revision_raised_last_wins(
    client: TestClient, services: Services, hengyang: dict[str, str]
) -> None:
    assert post(client, hengyang, warning()) == 201
    later = warning(action="update", severity="high", raised_at_ms=NOW_MS + 1, offset=0)
    assert post(client, hengyang, later) == 200
    assert post(client, hengyang, warning()) == 200
    assert stored(services).severity == "high"
    assert post(client, hengyang, warning(raised_at_ms=NOW_MS + 60_001)) == 422


@pytest.mark.parametrize("change", [{"tenant": "changsha"}, {"subscriber": "+8613800002222"}])
def test_a_revision_of_another_persons_warning_is_a_dead_letter(
    services: Services, change: dict[str, str]
) -> None:
    foreign = msgspec.structs.replace(warning(offset=2, action="withdraw"), **change)
    records = [
        TopicRecord("warnings", 0, offset, NOW_MS, None, encode(item))
        for offset, item in enumerate([warning(), foreign, warning("w-2")])
    ]
    letters: list[tuple[int, str]] = []

    def reject(item: TopicRecord, error: ContractError) -> None:
        letters.append((item.offset, error.reason))

    services.ingestor.handle(records, reject)
    assert letters == [(1, "invalid_field")]
    assert (stored(services).action, stored(services).subscriber) == ("raise", VICTIM)
    assert stored(services, "w-2").action == "raise"


def test_a_warning_over_http_expects_no_more_loss_than_is_at_risk(client: TestClient) -> None:
    absurd = warning("w-9", expected_loss_minor=10**13, amount_at_risk_minor=5)
    refused = client.post("/v1/warnings", content=encode(absurd))
    assert refused.status_code == 422
    assert "expected_loss_minor" in refused.json()["detail"]
    assert client.get("/v1/cases").json()["total"] == 0
