"""Rows inserted in bulk are those that single inserts would have left, on both servers."""

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from alerting.db import Database
from alerting.db.bulk_insert import insert_rows
from alerting.db.dispatch_tables import Timer
from alerting.db.journal_tables import IdempotencyKey, OutboxMessage

TEXTS = ["", "\\N", "a\tb\nc\r\\d", "反诈中心", "'quoted' \"twice\"", "\\.", "NULL", " "]
"""What COPY's text format writes in another way than an ordinary statement."""


def answer(key: str, response: Any) -> dict[str, Any]:
    return {
        "principal": "local:li",
        "key": key,
        "request_digest": "d",
        "status": 201,
        "response": response,
        "created_at_ms": 1,
    }


def test_texts_and_documents_come_back_as_they_were(db: Database) -> None:
    rows = [answer(text, {"text": text, "none": None, "list": [1, 2.5]}) for text in TEXTS]
    with db.write() as session:
        insert_rows(session, IdempotencyKey, rows)
    with db.read() as session:
        found = {row.key: row.response for row in session.scalars(select(IdempotencyKey))}
    assert found == {row["key"]: row["response"] for row in rows}


def test_rows_are_numbered_in_their_order_and_bytes_are_kept(db: Database) -> None:
    values = [bytes(range(256)), None, b"", b"\\N"]
    rows = [
        {"topic": "t", "key": b"k", "value": value, "created_at_ms": 1, "sent_at_ms": None}
        for value in values
    ]
    with db.write() as session:
        insert_rows(session, OutboxMessage, rows)
    with db.read() as session:
        found = session.scalars(select(OutboxMessage).order_by(OutboxMessage.message_no)).all()
        assert [row.value for row in found] == values
        assert all(row.sent_at_ms is None for row in found)


def test_columns_left_out_get_the_default_of_their_model(db: Database) -> None:
    with db.write() as session:
        insert_rows(
            session,
            OutboxMessage,
            [{"topic": "t", "key": b"k", "value": b"v", "created_at_ms": 1}],
        )
    with db.read() as session:
        row = session.scalars(select(OutboxMessage)).one()
        assert row.sent_at_ms is None
        assert row.message_no > 0


def test_nothing_stays_of_rows_that_the_database_refuses(db: Database) -> None:
    with pytest.raises(IntegrityError) as refused, db.write() as session:
        insert_rows(session, IdempotencyKey, [answer("same", {}), answer("same", {})])
    assert "local:li" not in str(refused.value.orig)
    with db.write() as session:
        assert not session.scalars(select(IdempotencyKey)).all()
        insert_rows(session, IdempotencyKey, [answer("same", {})])
    with db.read() as session:
        assert len(session.scalars(select(IdempotencyKey)).all()) == 1


@pytest.mark.parametrize(
    "rows",
    [
        [{**answer("a", {}), "colour": "red"}],
        [answer("a", {}), {**answer("b", {}), "colour": "red"}],
        [answer("a", {}), {"principal": "p"}],
    ],
    ids=["an unknown column", "a column more", "columns fewer"],
)
@pytest.mark.system
def test_a_column_that_does_not_fit_is_an_error(
    postgres_database: Database, rows: list[dict[str, Any]]
) -> None:
    with pytest.raises(KeyError), postgres_database.write() as session:
        insert_rows(session, IdempotencyKey, rows)


def test_no_rows_are_no_statement(db: Database) -> None:
    with db.write() as session:
        insert_rows(session, Timer, [])
