"""The lines of the audit log about one case, with the proof that they stand in the log."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerting.cases.history.hash_chain import ChainedLine
from alerting.db.journal_tables import AuditRecord
from alerting.evidence.merkle_tree import prove
from alerting.service_errors import StepRefusedError

PAGE = 20_000
MAX_LINES = 1_000_000
"""Lines of the log from the first one about the case to the newest: some ten seconds of reading."""

SLACK_MS = 3_600_000
"""Clocks of replicas may differ: the log is read from an hour before the case began."""


@dataclass(frozen=True, slots=True)
class AuditExcerpt:
    """The lines with their proofs; ``first_no`` to ``last_no`` are the lines under ``root``, ``head`` the last digest."""

    first_no: int
    last_no: int
    head: str
    root: str
    lines: list[dict[str, Any]]


def excerpt_of(
    session: Session, case_id: str, since_ms: int, *, max_lines: int = MAX_LINES
) -> AuditExcerpt:
    """Read the excerpt of a case.

    Args:
        session: a transaction that reads one state of the database.
        case_id: the case.
        since_ms: when it began, UTC milliseconds.
        max_lines: how many lines of the log are read at most.

    Raises:
        StepRefusedError: the log has grown by more lines since then.
    """
    first_no = _first_no(session, since_ms - SLACK_MS)
    newest = session.execute(
        select(AuditRecord.record_no, AuditRecord.digest)
        .order_by(AuditRecord.record_no.desc())
        .limit(1)
    ).first()
    last_no, head = (newest[0], newest[1]) if newest else (first_no - 1, "")
    if last_no - first_no >= max_lines:
        raise StepRefusedError(
            f"The audit log has grown by {last_no - first_no} lines since the case began.",
            code="log_too_long",
            hint="Use `forewarn evidence export`, which reads it whole.",
        )
    about = [
        number for number, _, subject in _digests(session, first_no, last_no) if subject == case_id
    ]
    leaves = (bytes.fromhex(digest) for _, digest, _ in _digests(session, first_no, last_no))
    proven = prove(leaves, {number - first_no for number in about})
    lines = [
        {**asdict(_line(session, number)), "proof": proven.proofs[number - first_no]}
        for number in about
    ]
    return AuditExcerpt(first_no, last_no, head, proven.root, lines)


def root_over(session: Session, first_no: int, last_no: int) -> str:
    """The root over a span of the log as it stands."""
    leaves = (bytes.fromhex(digest) for _, digest, _ in _digests(session, first_no, last_no))
    return prove(leaves, ()).root


def _first_no(session: Session, since_ms: int) -> int:
    """The number of the first line at or after a time: halved by number, since lines are in the order of time."""
    newest = select(AuditRecord.record_no).order_by(AuditRecord.record_no.desc()).limit(1)
    low, high = 1, session.scalar(newest) or 0
    while low < high:
        middle = (low + high) // 2
        at_ms = session.scalar(select(AuditRecord.at_ms).where(AuditRecord.record_no == middle))
        if at_ms is not None and at_ms < since_ms:
            low = middle + 1
        else:
            high = middle
    return max(low, 1)


def _digests(session: Session, first_no: int, last_no: int) -> Iterator[tuple[int, str, str]]:
    """Number, digest and subject of lines, page by page."""
    after = first_no - 1
    while rows := session.execute(
        select(AuditRecord.record_no, AuditRecord.digest, AuditRecord.subject)
        .where(AuditRecord.record_no > after, AuditRecord.record_no <= last_no)
        .order_by(AuditRecord.record_no)
        .limit(PAGE)
    ).all():
        for row in rows:
            yield (row[0], row[1], row[2])
        after = rows[-1][0]


def _line(session: Session, number: int) -> ChainedLine:
    row = session.get_one(AuditRecord, number)
    return ChainedLine(
        row.record_no,
        row.at_ms,
        row.actor,
        row.action,
        row.subject,
        row.detail,
        row.previous,
        row.digest,
    )
