"""One record that the database refuses is filed, and neither its neighbours nor the topic wait."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from sqlalchemy import func, select

from alerting.db.case_tables import Warning_
from alerting.db.contact_tables import Activity, Contact
from alerting.ingest import ingestor
from alerting.ingest.warning_decoder import decode_warning
from alerting.linkage.contact_index import ContactIndex
from alerting.messaging.poison_isolation import apply_isolated
from alerting.messaging.topic_reader import TopicRecord
from alerting.web.service_container import Services
from forewarn.contracts.event_codec import encode
from forewarn.contracts.fraud_warning import FraudWarning
from forewarn.contracts.transfer import Transfer
from forewarn.errors import ContractError, DependencyUnavailableError
from tests.alerting.factory import NOW_MS, VICTIM, warning

Refused = list[tuple[int, str]]


@pytest.fixture
def refused() -> Refused:
    return []


@pytest.fixture
def reject(refused: Refused) -> Callable[[TopicRecord, ContractError], None]:
    return lambda record, error: refused.append((record.offset, error.reason))


def record(event: object, offset: int, topic: str = "warnings") -> TopicRecord:
    return TopicRecord(topic, 0, offset, NOW_MS, None, encode(event))  # type: ignore[arg-type]


@pytest.mark.parametrize("field", ["model_version", "policy_version", "traceparent", "decision"])
@pytest.mark.parametrize("text", ["m\x00", "x" * 1001])
def test_a_text_that_no_column_can_store_is_a_rejected_warning(field: str, text: str) -> None:
    with pytest.raises(ContractError) as refusal:
        decode_warning(encode(warning(**{field: text})))
    assert refusal.value.reason == "invalid_field"
    assert field in str(refusal.value)


@pytest.mark.system
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite takes any text
def test_a_bad_warning_between_two_good_ones_is_filed_alone(
    services: Services,
    refused: Refused,
    reject: Callable[[TopicRecord, ContractError], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Even one that the checks let through."""
    unchecked = msgspec.json.Decoder(FraudWarning).decode
    monkeypatch.setattr(ingestor, "decode_warning", unchecked)
    records = [
        record(warning("w-1"), 1),
        record(warning("w-2", model_version="m\x00"), 2),
        record(warning("w-3", subscriber="+8613899999999"), 3),
    ]
    services.ingestor.handle(records, reject)
    services.ingestor.handle(records, reject)
    assert refused == [(2, "processing_failed")] * 2
    with services.db.read() as session:
        assert set(session.scalars(select(Warning_.warning_id))) == {"w-1", "w-3"}


@pytest.mark.system
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_sum_past_64_bits_does_not_stop_the_contact_index(
    services: Services, refused: Refused, reject: Callable[[TopicRecord, ContractError], None]
) -> None:
    index = ContactIndex(
        services.db, services.clock, services.late_losses,
        transfers_topic="transfers", attribution_window_ms=1, reject=reject,
    )  # fmt: skip

    def payment(number: int, payee: str) -> TopicRecord:
        event = Transfer(
            event_id=f"e-{number}", event_time_ms=NOW_MS, subscriber=VICTIM,
            transfer_id=f"t-{number}", status="completed", payer_account="A", payee_account=payee,
            amount_minor=1_000,
        )  # fmt: skip
        return record(event, number, "transfers")

    index.handle([payment(0, "full")])
    with services.db.write() as session:
        session.scalars(select(Contact)).one().paid_minor = 2**63 - 1
    index.handle([payment(1, "B"), payment(2, "full"), payment(3, "C")])
    assert refused == [(2, "processing_failed")]
    with services.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Activity)) == 3


def test_an_outage_rejects_no_record(reject: Callable[[TopicRecord, ContractError], None]) -> None:
    def apply(_items: Any) -> None:
        raise DependencyUnavailableError("The database did not answer.")

    with pytest.raises(DependencyUnavailableError):
        apply_isolated([(record(warning(), 1), None)], apply, reject)
