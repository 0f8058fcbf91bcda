"""Imports of clues: previewed, proposed by one person, approved by another, and undone as a whole."""

from collections.abc import Sequence
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerting.access import Principal, Scope
from alerting.cases import history
from alerting.cases.history import AuditEntry
from alerting.cases.history.audit_actions import AuditAction
from alerting.db.database import Database
from alerting.db.desk_tables import ClueImport
from alerting.linkage.clues.clue_file import ClueLine, read_clues
from alerting.linkage.lists.list_decision import decide_entry
from alerting.linkage.lists.list_service import ListService
from alerting.service_errors import InvalidRequestError, NotFoundError, StepRefusedError
from forewarn.contracts.list_entry import ListName, PeerKind
from forewarn.platform.clock import Clock

DAY_MS = 86_400_000
LISTS: tuple[ListName, ...] = ("block", "watch")
"""Lists that a file may add to: an allow entry spares a fraudster, so each needs a look of its own."""

MAX_IMPORTS = 200


class ClueImports:
    """Previews, proposes, approves and undoes imports, within the caller's tenants."""

    def __init__(self, db: Database, clock: Clock, lists: ListService) -> None:
        self._db = db
        self._clock = clock
        self._lists = lists

    def preview(
        self, who: Principal, *, tenant: str, name: ListName, data: bytes
    ) -> list[ClueLine]:
        """The lines of a file with the fault of each; nothing is kept.

        Raises:
            InvalidRequestError: the file cannot be read, or the list takes no files.
            NotFoundError: the tenant lies outside the caller's scope.
        """
        _require(who.scope, tenant)
        if name not in LISTS:
            raise InvalidRequestError("Files add to block and watch only.", code="not_by_file")
        now_ms = self._clock()
        lines = [_checked(line, name, now_ms) for line in read_clues(data)]
        with self._db.read() as session:
            known = self._lists.listed(
                session, tenant, name, [(line.kind, line.number) for line in lines]
            )
        return [
            _with_fault(line, "already_listed")
            if not line.fault and (line.kind, line.number) in known
            else line
            for line in lines
        ]

    def propose(
        self, who: Principal, *, tenant: str, name: ListName, data: bytes, reason: str
    ) -> ClueImport:
        """Propose the lines without a fault; raises as ``preview``, and if there are none."""
        good = [
            line
            for line in self.preview(who, tenant=tenant, name=name, data=data)
            if not line.fault
        ]
        if not good:
            raise InvalidRequestError("No line can be used.", code="no_clue", field="file")
        now_ms = self._clock()
        row = ClueImport(
            import_id=f"i-{uuid4().hex[:20]}",
            tenant=tenant,
            list_name=name,
            owner=who.subject,
            reason=reason,
            state="proposed",
            clues=[
                {"kind": one.kind, "peer": one.number, "reason": one.reason, "days": one.days}
                for one in good
            ],
            entries=[],
            created_at_ms=now_ms,
        )
        with self._db.write() as session:
            session.add(row)
            self._record(session, who, "clues_proposed", row, now_ms)
        return row

    def decide(self, import_id: str, who: Principal, *, approve: bool) -> ClueImport:
        """Approve an import as the second person, or reject it.

        Raises:
            NotFoundError: the scope holds no such import.
            StepRefusedError: it was decided, or the caller proposed it.
        """
        now_ms = self._clock()
        with self._db.write() as session:
            row = self._locked(session, import_id, who.scope)
            if row.state != "proposed":
                raise StepRefusedError("It waits for no approval.", code="not_in_force")
            if approve and row.owner == who.subject:
                raise StepRefusedError(
                    "Another person has to approve it.", code="needs_a_second_person"
                )
            row.approver, row.decided_at_ms = who.subject, now_ms
            row.state = "active" if approve else "rejected"
            if approve:
                row.entries = self._lists.add_imported(session, row, now_ms)
            action: AuditAction = "clues_approved" if approve else "clues_rejected"
            self._record(session, who, action, row, now_ms)
        return row

    def undo(self, import_id: str, who: Principal) -> ClueImport:
        """Take every entry of an import off its list again; raises as ``decide``."""
        now_ms = self._clock()
        with self._db.write() as session:
            row = self._locked(session, import_id, who.scope)
            if row.state != "active":
                raise StepRefusedError("It is not in force.", code="not_in_force")
            self._lists.take_off(session, row.entries, who.subject, now_ms)
            row.state, row.decided_at_ms = "undone", now_ms
            self._record(session, who, "clues_undone", row, now_ms)
        return row

    def recent(self, scope: Scope) -> Sequence[ClueImport]:
        """The newest imports of the tenants in scope."""
        statement = select(ClueImport).where(
            Scope(scope.tenants, None).condition(ClueImport.tenant, ClueImport.tenant)
        )
        with self._db.read() as session:
            return session.scalars(
                statement.order_by(ClueImport.created_at_ms.desc()).limit(MAX_IMPORTS)
            ).all()

    def _locked(self, session: Session, import_id: str, scope: Scope) -> ClueImport:
        row: ClueImport | None = session.get(ClueImport, import_id, with_for_update=True)
        if row is None or (scope.tenants is not None and row.tenant not in scope.tenants):
            raise NotFoundError("import", import_id)
        return row

    @staticmethod
    def _record(
        session: Session, who: Principal, action: AuditAction, row: ClueImport, now_ms: int
    ) -> None:
        detail = {"list": row.list_name, "clues": len(row.clues)}
        entry = AuditEntry(now_ms, who.subject, action, row.import_id, detail)
        history.append(session, [entry])


def _checked(line: ClueLine, name: ListName, now_ms: int) -> ClueLine:
    if line.fault:
        return line
    kind: PeerKind = "phone" if line.kind == "phone" else "account"
    ends_ms = now_ms + line.days * DAY_MS
    fault = decide_entry(
        name, kind, line.number, subscriber=None, expires_at_ms=ends_ms, now_ms=now_ms
    )
    return _with_fault(line, fault) if fault else line


def _with_fault(line: ClueLine, fault: str) -> ClueLine:
    return ClueLine(line.line_no, line.kind, line.number, line.reason, line.days, fault)


def _require(scope: Scope, tenant: str) -> None:
    if scope.tenants is not None and tenant not in scope.tenants:
        raise NotFoundError("tenant", tenant)
