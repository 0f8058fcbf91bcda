"""Makes evidence packs, and writes each of them to the audit log."""

from dataclasses import asdict, dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import select

from alerting.access import Principal, UnmaskDecision
from alerting.cases.history import CaseHistory
from alerting.cases.unmasking_log import UnmaskingLog
from alerting.db.database import Database
from alerting.db.journal_tables import AuditRecord
from alerting.evidence.audit_excerpt import MAX_LINES, excerpt_of, root_over
from alerting.evidence.evidence_check import AuditClaim
from alerting.evidence.evidence_document import EvidenceWords, evidence_document
from alerting.evidence.evidence_file import digest_in
from alerting.evidence.evidence_pack import numbers_in, sections_of
from alerting.orders.order_service import case_in
from alerting.service_errors import StepRefusedError
from forewarn.platform.clock import Clock


@dataclass(frozen=True, slots=True)
class EvidenceRequest:
    """Why a pack is made, and whether numbers, accounts and names are in clear."""

    reason: str
    clear: bool


class EvidenceService:
    """Exports cases.

    Args:
        db: of the cases and the audit log.
        clock: UTC milliseconds.
        zone: of the times on the page.
        unmaskings: limits and records packs in clear as it does single numbers.
    """

    def __init__(
        self, db: Database, clock: Clock, zone: ZoneInfo, unmaskings: UnmaskingLog
    ) -> None:
        self._db = db
        self._clock = clock
        self._zone = zone
        self._unmaskings = unmaskings

    def export(
        self,
        case_id: str,
        who: Principal,
        request: EvidenceRequest,
        words: EvidenceWords,
        *,
        max_lines: int = MAX_LINES,
    ) -> bytes:
        """The sealed file of a case; its digest is in the audit log before it leaves.

        Raises:
            NotFoundError: no such case in the caller's scope.
            StepRefusedError: its personal data was erased, the log is too long to be read at once, or
                numbers in clear would pass the caller's hourly limit.
        """
        now_ms = self._clock()
        with self._db.snapshot() as session:
            case = case_in(session, who.scope, case_id)
            if case.erased_at_ms is not None and request.clear:
                raise StepRefusedError(
                    f"Case {case_id}: its personal data was erased.", code="case_was_erased"
                )
            began_ms = min(case.opened_at_ms, case.first_event_ms)
            excerpt = excerpt_of(session, case_id, began_ms, max_lines=max_lines)
            sections = sections_of(session, case, clear=request.clear) | {"audit": asdict(excerpt)}
        if request.clear:
            self._unmaskings.record(
                who,
                case_id,
                UnmaskDecision(allowed=True, reason="exports_evidence"),
                what="evidence",
                numbers=numbers_in(sections),
            )
        about = {
            "made_by": who.subject,
            "made_at_ms": now_ms,
            "reason": request.reason,
            "clear": request.clear,
        }
        content = evidence_document(sections, about, words, self._zone)
        detail = {
            "sha256": digest_in(content),
            "root": excerpt.root,
            "first_no": excerpt.first_no,
            "last_no": excerpt.last_no,
            "clear": request.clear,
        }
        with self._db.write() as session:
            CaseHistory(session, who.subject, now_ms).record(
                case_id, "evidence_exported", detail, free_text={"reason": request.reason}
            )
        return content


def log_fault(db: Database, claim: AuditClaim, sha256: str) -> str | None:
    """What speaks against a file in the audit log itself, or None.

    Args:
        db: of the audit log.
        claim: what the file says of the log.
        sha256: the digest of the file.
    """
    with db.snapshot() as session:
        if root_over(session, claim.first_no, claim.last_no) != claim.root:
            return "the lines of the log have another root"
        named = session.scalar(
            select(AuditRecord.record_no).where(
                AuditRecord.record_no > claim.last_no,
                AuditRecord.action == "evidence_exported",
                AuditRecord.detail.contains(f'"sha256":"{sha256}"'),
            ).limit(1)
        )  # fmt: skip
    return None if named else "the log names no export of this file"
