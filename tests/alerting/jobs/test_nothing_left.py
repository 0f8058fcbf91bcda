"""After an erasure, and after the time that data is kept, a number is nowhere in the database.

Every column that can hold text is either known to hold personal data, and is filled with a number
here, or known to hold none: a new column has to be put on one side before it passes.
"""

from typing import Any

import pytest
from sqlalchemy import JSON, BigInteger, Boolean, Column, Float, Integer, LargeBinary, String, Table

from alerting.cases import history
from alerting.db.declarative_base import Base
from alerting.jobs.erasure import erase_person
from alerting.jobs.retention import Retention, RetentionOptions
from alerting.web.service_container import Services
from tests.alerting.factory import NOW_MS, Clock

NUMBER = "+8613912345678"
PERSONAL = {
    "activity": {"subscriber", "peer", "account"},
    "appeals": {"objector", "phone", "statement", "decision_note"},
    "case_events": {"detail"},
    "cases": {"subscriber", "caller", "payee"},
    "clue_imports": {"clues"},
    "contacts": {"subscriber", "peer"},
    "deliveries": {
        "subscriber", "address", "content", "last_error", "provider_reference", "group_key",
    },
    "idempotency_keys": {"response"},
    "list_items": {"subscriber", "peer", "reason"},
    "orders": {
        "payer_name", "payer_account", "payee_name", "payee_account", "number", "caller",
        "reason", "release_note", "reference", "freeze_reference", "notify_phone",
    },
    "outbox": {"key", "value"},
    "relatives": {"subscriber", "phone", "name"},
    "return_visits": {"subscriber", "note"},
    "rota_changes": {"stints", "expected"},
    "rotas": {"members"},
    "shifts": {"address", "responder"},
    "silences": {"matchers", "reason"},
    "sweep_targets": {"subscriber", "via"},
    "sweeps": {"peer"},
    "warnings": {"subscriber", "caller", "payee", "payer"},
}  # fmt: skip
HARMLESS = {
    # ids, names of staff, closed vocabularies
    "account", "action", "actor", "alerted", "approver", "batch_id", "case_id", "channel", "closed_by",
    "currency", "day", "decided_by", "decision", "delivery_id", "direction", "disposition",
    "district", "duplicate_of", "entry_id", "follows", "held_because", "holder", "key", "kind",
    "language", "lease_owner", "list", "model_version", "name", "owner", "policy_version",
    "principal", "purpose", "reason", "reasons", "recipient", "request_digest", "severity",
    "shift_id", "silence_id", "source_topic", "step", "state", "status", "subject_id", "subject_kind",
    "subject_status", "sweep_id", "team", "template", "tenant", "topic", "traceparent",
    "transfer_id", "typology", "warning_id", "extended_by", "legal_basis", "order_id", "ordered_by",
    "release_delivery_id", "release_reason", "released_by", "source", "appeal_id", "way", "filed_by",
    "asked_by", "asked_of", "body",
    "change_id", "created_by", "done_by", "ends", "entries", "event", "first_day", "handover",
    "import_id", "last_error", "list_name", "query", "result", "reviewer", "rota_id", "subject",
    "target", "task", "tenants", "timezone", "token_hash", "weekdays",
}  # fmt: skip
NOT_OF_CASES = ("access_", "audit_")
STATES = {"cases": "closed", "sweeps": "done", "list_items": "removed", "deliveries": "sent"}


def tables() -> list[Table]:
    return [one for one in Base.metadata.sorted_tables if not one.name.startswith(NOT_OF_CASES)]


def holds_text(column: Column[Any]) -> bool:
    return isinstance(column.type, String | JSON | LargeBinary)


def test_every_column_that_holds_text_is_known() -> None:
    unknown = [
        f"{table.name}.{column.name}"
        for table in tables()
        for column in table.columns
        if holds_text(column)
        and column.name not in PERSONAL.get(table.name, set())
        and column.name not in HARMLESS
    ]
    assert unknown == []


def value_of(table: Table, column: Column[Any]) -> Any:
    if column.name in PERSONAL.get(table.name, set()):
        if isinstance(column.type, LargeBinary):
            return NUMBER.encode()
        return {"note": NUMBER, "reason": NUMBER} if isinstance(column.type, JSON) else NUMBER
    if column.name == "state":
        return STATES.get(table.name, "over")
    if column.name in ("erased_at_ms", "duplicate_of", "follows"):
        return None
    if isinstance(column.type, JSON):
        return {}
    if isinstance(column.type, Boolean):
        return False
    if isinstance(column.type, Float):
        return 0.5
    if isinstance(column.type, BigInteger | Integer):
        return NOW_MS if column.name.endswith("_ms") else 1
    return column.name[: column.type.length or 64]  # type: ignore[attr-defined]  # a string


def fill(services: Services) -> None:
    """One row in every table; a message of a case, and one of a sweep."""
    with services.db.write() as session:
        for table in tables():
            row = {column.name: value_of(table, column) for column in table.columns}
            rows = [row]
            if table.name == "deliveries":
                rows = [row, row | {"delivery_id": "d-2", "case_id": None}]
            for one in rows:
                session.connection().execute(table.insert().values(**one))


def found(services: Services) -> set[str]:
    """Columns in which the number stands."""
    hits = set()
    with services.db.read() as session:
        for table in Base.metadata.sorted_tables:
            for row in session.execute(table.select()).mappings():
                hits |= {f"{table.name}.{name}" for name, value in row.items() if has(value)}
    return hits


def has(value: object) -> bool:
    return NUMBER in (value.decode() if isinstance(value, bytes) else str(value))


@pytest.mark.parametrize("how", ["asked", "by_age"])
def test_a_number_is_nowhere_once_it_was_erased_and_its_time_is_over(
    services: Services, clock: Clock, how: str
) -> None:
    fill(services)
    expected = {f"{table}.{column}" for table, columns in PERSONAL.items() for column in columns}
    assert found(services) == expected
    if how == "asked":
        assert erase_person(services.db, services.lists, "tenant", NUMBER, "cli:li", clock()) == 1
    options = RetentionOptions(timeline_days=14, contact_days=90, personal_data_days=1095)
    retention = Retention(services.db, clock, options, owner="one")
    clock.advance(seconds=86_400 * (91 if how == "asked" else 1096))
    while retention.run().more:
        pass
    assert found(services) == set()
    assert history.verify(services.db).fault is None
