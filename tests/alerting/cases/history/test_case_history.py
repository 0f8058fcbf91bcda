"""One writer records what happens to cases: the event and the audit entry, or neither."""

import json

import pytest
from sqlalchemy import select

from alerting.cases import history
from alerting.cases.history import AuditEntry, CaseHistory
from alerting.db import Database
from alerting.db.case_tables import CaseEvent
from alerting.db.journal_tables import AuditHead, AuditRecord
from alerting.ingest.ingestor import Ingestor
from alerting.web.service_container import Services
from tests.alerting.factory import NOW_MS, warning


@pytest.fixture
def case_id(services: Services) -> str:
    ingestor: Ingestor = services.ingestor
    [(_, case_id, _)] = ingestor.ingest([warning()], "test").results
    return case_id


def _newest(db: Database) -> tuple[CaseEvent, AuditRecord]:
    with db.read() as session:
        event = session.scalar(select(CaseEvent).order_by(CaseEvent.event_no.desc()).limit(1))
        record = session.scalar(select(AuditRecord).order_by(AuditRecord.record_no.desc()).limit(1))
    assert event is not None
    assert record is not None
    return event, record


def test_an_event_and_its_audit_entry_are_written_together(db: Database, case_id: str) -> None:
    with db.write() as session:
        CaseHistory(session, "local:li", NOW_MS).record(case_id, "assigned", {"to": "local:wang"})
    event, record = _newest(db)
    assert (event.case_id, event.kind, event.actor) == (case_id, "assigned", "local:li")
    assert (record.subject, record.action, record.actor) == (case_id, "assigned", "local:li")
    assert event.detail == json.loads(record.detail) == {"to": "local:wang"}


def test_free_text_stays_out_of_the_audit_log(db: Database, case_id: str) -> None:
    with db.write() as session:
        history_of_case = CaseHistory(session, "local:li", NOW_MS)
        history_of_case.record(case_id, "noted", {"n": 1}, free_text={"note": "Mrs Li is afraid"})
    event, record = _newest(db)
    assert event.detail == {"n": 1, "note": "Mrs Li is afraid"}
    assert json.loads(record.detail) == {"n": 1}


def test_a_transaction_that_fails_leaves_neither(db: Database, case_id: str) -> None:
    before = history.verify(db).lines

    def record_and_fail() -> None:
        with db.write() as session:
            CaseHistory(session, "local:li", NOW_MS).record(case_id, "claimed", {})
            raise LookupError

    with pytest.raises(LookupError):
        record_and_fail()
    assert _newest(db)[0].kind == "warning_raised"
    assert history.verify(db).lines == before


def test_entries_keep_their_order_and_events_come_before_them(db: Database, case_id: str) -> None:
    """Whether a line is appended by itself or with an event."""
    with db.write() as session:
        history.append(session, [AuditEntry(NOW_MS, "local:li", "silenced", "q-1")])
        CaseHistory(session, "local:li", NOW_MS).record(case_id, "claimed", {})
        history.append(session, [AuditEntry(NOW_MS, "local:li", "silence_ended", "q-1")])
    with db.read() as session:
        found = session.scalars(select(AuditRecord.action).order_by(AuditRecord.record_no)).all()
    assert list(found)[-3:] == ["silenced", "claimed", "silence_ended"]
    assert history.verify(db).fault is None


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.system
def test_the_head_of_the_chain_is_free_until_the_commit(db: Database, case_id: str) -> None:
    """Other writers must not wait for the work of a transaction, only for its commit."""
    head = select(AuditHead.digest).where(AuditHead.name == "audit")
    with db.write() as session:
        CaseHistory(session, "local:li", NOW_MS).record(case_id, "claimed", {})
        session.flush()
        with db.write() as other:
            assert other.scalar(head.with_for_update(nowait=True)) is not None
