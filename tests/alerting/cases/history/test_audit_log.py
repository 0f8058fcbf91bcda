"""The audit log holds against changes, removals and reordering."""

import threading

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from alerting.cases import history
from alerting.cases.history import AuditEntry
from alerting.db import Database
from forewarn.errors import ForewarnError
from tests.alerting.factory import NOW_MS

GUARDS = (
    "audit_log_no_update", "audit_log_no_delete", "audit_head_no_way_back", "audit_head_no_delete",
)  # fmt: skip
EMPTY_HEAD = f"UPDATE audit_head SET record_no = 0, digest = '{'0' * 64}'"


def write(db: Database, *subjects: str) -> None:
    with db.write() as session:
        entries = [AuditEntry(NOW_MS, "li", "tested", subject, {"n": 1}) for subject in subjects]
        history.append(session, entries)


def tamper(db: Database, statement: str) -> None:
    """As an intruder with the database's password could, past the triggers."""
    with db.write() as session:
        if db.is_postgresql:
            session.execute(text("SET LOCAL session_replication_role = replica"))
        else:
            for guard in GUARDS:
                session.execute(text(f"DROP TRIGGER IF EXISTS {guard}"))
        session.execute(text(statement))


def test_the_database_itself_refuses_to_change_a_line(db: Database) -> None:
    write(db, "a")
    statements = ["UPDATE audit_log SET actor = 'x'", "DELETE FROM audit_log"]
    statements += [EMPTY_HEAD, "UPDATE audit_head SET digest = 'x'", "DELETE FROM audit_head"]
    for statement in statements:
        with pytest.raises((DBAPIError, ForewarnError)), db.write() as session:
            session.execute(text(statement))
    assert (history.verify(db).lines, history.verify(db).fault) == (1, None)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("table", ["audit_log", "audit_head", "ledger_entries", "case_events"])
@pytest.mark.system
def test_nothing_that_is_only_added_to_can_be_emptied_at_once(db: Database, table: str) -> None:
    write(db, "a")
    with pytest.raises(DBAPIError, match="append-only"), db.write() as session:
        session.execute(text(f"TRUNCATE {table} CASCADE"))
    assert (history.verify(db).lines, history.verify(db).fault) == (1, None)


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("UPDATE audit_log SET actor = 'wang' WHERE record_no = 2", "record 2 was changed"),
        ("UPDATE audit_log SET detail = '{}' WHERE record_no = 3", "record 3 was changed"),
        ("DELETE FROM audit_log WHERE record_no = 2", "record 2 is missing"),
        ("DELETE FROM audit_log WHERE record_no = 3", "the newest records were removed"),
        ("DELETE FROM audit_log WHERE record_no = 1", "record 1 is missing"),
    ],
)
def test_a_change_past_the_guards_is_found(db: Database, statement: str, fault: str) -> None:
    write(db, "a", "b", "c")
    assert history.verify(db).lines == 3
    tamper(db, statement)
    assert history.verify(db).fault == fault


def test_a_rewritten_chain_is_found_by_the_head_kept_elsewhere(db: Database) -> None:
    write(db, "a", "b")
    kept = history.verify(db).head
    write(db, "c")
    assert history.verify(db, expect=kept).fault is None
    tamper(db, "DELETE FROM audit_log")
    tamper(db, EMPTY_HEAD)
    write(db, "x", "y", "z")
    assert history.verify(db).fault is None
    assert history.verify(db, expect=kept).fault == "the expected head is not in the chain"


def test_writers_at_the_same_time_make_one_chain(db: Database) -> None:
    threads = [
        threading.Thread(target=lambda n=n: [write(db, f"{n}-{i}") for i in range(10)])
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    result = history.verify(db)
    assert (result.lines, result.fault) == (40, None)


def test_a_check_is_right_while_lines_are_added(db: Database) -> None:
    done = threading.Event()

    def keep_writing() -> None:
        while not done.is_set():
            write(db, "a", "b")

    writer = threading.Thread(target=keep_writing)
    writer.start()
    try:
        faults = {history.verify(db).fault for _ in range(40)}
    finally:
        done.set()
        writer.join()
    assert faults == {None}
