"""The chain in the database."""

from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from alerting.cases.history.hash_chain import (
    GENESIS,
    AuditEntry,
    ChainedLine,
    Verification,
    canonical,
    digest_of,
    verify_chain,
)
from alerting.db.database import Database
from alerting.db.journal_tables import AuditHead, AuditRecord

HEAD = "audit"
PAGE = 5_000


def append(db: Database, session: Session, entries: Sequence[AuditEntry]) -> None:
    """Add lines in the caller's transaction.

    The head row is locked until the transaction ends, so call this last: all writers queue here.
    """
    if not entries:
        return
    head = session.scalar(db.for_update(select(AuditHead).where(AuditHead.name == HEAD)))
    if head is None:
        head = AuditHead(name=HEAD, record_no=0, digest=GENESIS)
        session.add(head)
    number, previous = head.record_no, head.digest
    rows = []
    for entry in entries:
        number += 1
        detail = canonical(entry.detail)
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
    session.execute(insert(AuditRecord), rows)
    head.record_no, head.digest = number, previous


def verify(db: Database, *, expect: str | None = None) -> Verification:
    """Check the whole chain, and that it ends at the stored head.

    Args:
        expect: a head printed by an earlier run, which must be part of the chain.
    """
    with db.snapshot() as session:  # lines are added all the while
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
