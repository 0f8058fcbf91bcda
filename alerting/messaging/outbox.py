"""Writes messages to the outbox, in the transaction of the change."""

from sqlalchemy.orm import Session

from alerting.db.journal_tables import OutboxMessage
from forewarn.contracts.event_codec import encode
from forewarn.contracts.list_entry import ListEntry
from forewarn.contracts.outcome import Outcome

OUTCOMES = "outcomes"
LISTS = "lists"


def put_outcome(session: Session, outcome: Outcome, now_ms: int) -> None:
    """Add an outcome, keyed by the subscriber as all events of a person are."""
    session.add(
        OutboxMessage(
            topic=OUTCOMES,
            key=outcome.subscriber.encode(),
            value=encode(outcome),
            created_at_ms=now_ms,
        )
    )


def put_list_entry(session: Session, key: bytes, entry: ListEntry | None, now_ms: int) -> None:
    """Add a list entry in force, or with None a tombstone that removes it."""
    session.add(
        OutboxMessage(
            topic=LISTS,
            key=key,
            value=None if entry is None else encode(entry),
            created_at_ms=now_ms,
        )
    )
