"""The audit log in the database: append to the chain, and verify it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from alerting.cases.history.audit_actions import AuditAction
from alerting.cases.history.hash_chain import (
    GENESIS,
    AuditEntry,
    ChainedLine,
    Verification,
    canonical,
    digest_of,
    verify_chain,
)
from alerting.db.bulk_insert import insert_rows
from alerting.db.database import Database, before_commit
from alerting.db.journal_tables import AuditHead, AuditRecord

HEAD = "audit"
PAGE = 5_000

_ENTRIES = "forewarn_audit_entries"


def append(session: Session, entries: Iterable[AuditEntry]) -> None:
    """Add lines to the log with the commit of a transaction of ``Database.write``.

    All writers queue at the head of the chain, so lines are collected on the session and the head
    is locked only right before the commit.
    """
    waiting: list[AuditEntry] = session.info.setdefault(_ENTRIES, [])
    waiting.extend(entries)
    if waiting:
        before_commit(session, _extend_chain, last=True)


def audit_writer(db: Database) -> Callable[..., None]:
    """A function that adds one line in a transaction of its own."""

    def write(
        *, actor: str, action: AuditAction, target: str, details: Mapping[str, Any], now_ms: int
    ) -> None:
        with db.write() as session:
            append(session, [AuditEntry(now_ms, actor, action, target, dict(details))])

    return write


def _extend_chain(session: Session) -> None:
    entries: list[AuditEntry] = session.info.pop(_ENTRIES)
    details = [canonical(entry.detail) for entry in entries]
    head = select(AuditHead.record_no, AuditHead.digest).where(AuditHead.name == HEAD)
    number, previous = session.execute(head.with_for_update()).one()
    rows = []
    for entry, detail in zip(entries, details, strict=True):
        number += 1
        digest = digest_of(
            number, entry.at_ms, entry.actor, entry.action, entry.subject, detail, previous
        )
        rows.append(
            {
                "record_no": number,
                "at_ms": entry.at_ms,
                "actor": entry.actor,
                "action": entry.action,
                "subject": entry.subject,
                "detail": detail,
                "previous": previous,
                "digest": digest,
            }
        )
        previous = digest
    insert_rows(session, AuditRecord, rows)
    session.execute(
        update(AuditHead)
        .where(AuditHead.name == HEAD)
        .values(record_no=number, digest=previous)
        .execution_options(synchronize_session=False)
    )


def verify(db: Database, *, expect: str | None = None) -> Verification:
    """Check the whole chain, and that it ends at the stored head.

    Args:
        db: the database.
        expect: a head printed by an earlier run, which must be part of the chain.
    """
    with db.snapshot() as session:  # lines are added meanwhile
        head = session.get(AuditHead, HEAD)
        met = {GENESIS}
        result = verify_chain(_noting(_lines(session), expect, met))
    if result.fault:
        return result
    if head is not None and head.digest != result.head:
        return Verification(result.lines, result.head, "the newest records were removed")
    if head is None and result.lines:
        return Verification(result.lines, result.head, "the head is missing")
    if expect and expect not in met:
        return Verification(result.lines, result.head, "the expected head is not in the chain")
    return result


def _noting(
    lines: Iterable[ChainedLine], expect: str | None, met: set[str]
) -> Iterator[ChainedLine]:
    """The same lines; the expected digest is put into ``met`` where it passes."""
    for line in lines:
        if line.digest == expect:
            met.add(line.digest)
        yield line


def _lines(session: Session) -> Iterator[ChainedLine]:
    after = 0
    while page := session.scalars(
        select(AuditRecord)
        .where(AuditRecord.record_no > after)
        .order_by(AuditRecord.record_no)
        .limit(PAGE)
    ).all():
        for row in page:
            yield _line(row)
        after = page[-1].record_no
        session.expunge_all()


def _line(row: AuditRecord) -> ChainedLine:
    return ChainedLine(
        record_no=row.record_no,
        at_ms=row.at_ms,
        actor=row.actor,
        action=row.action,
        subject=row.subject,
        detail=row.detail,
        previous=row.previous,
        digest=row.digest,
    )
