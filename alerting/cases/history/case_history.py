"""The one writer of what happens to cases."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from alerting.cases.history.audit_actions import AuditAction
from alerting.cases.history.audit_log import append
from alerting.cases.history.hash_chain import AuditEntry
from alerting.db.bulk_insert import insert_rows
from alerting.db.case_tables import CaseEvent
from alerting.db.database import before_commit

_EVENTS = "forewarn_case_events"


class CaseHistory:
    """Writes a case event and an audit entry for each thing that happens in one transaction.

    Both are collected on the session. Right before the commit all events go to the database in one
    statement, and after them the entries to the audit log: until then the transaction does not hold
    the lock of the audit chain.

    Args:
        session: a write transaction of ``Database.write``.
        actor: who or what acts.
        now_ms: UTC milliseconds.
    """

    def __init__(self, session: Session, actor: str, now_ms: int) -> None:
        self._session = session
        self._actor = actor
        self._now_ms = now_ms

    def record(
        self,
        case_id: str,
        action: AuditAction,
        detail: Mapping[str, Any],
        *,
        free_text: Mapping[str, str] | None = None,
    ) -> None:
        """Record one thing that happened to a case.

        Args:
            case_id: the case; it may be new in this transaction.
            action: what happened.
            detail: ids, amounts and codes, never numbers or names.
            free_text: what a person wrote. It stays out of the audit log, since the log cannot be
                erased.
        """
        events: list[dict[str, Any]] = self._session.info.setdefault(_EVENTS, [])
        events.append(
            {
                "case_id": case_id,
                "at_ms": self._now_ms,
                "kind": action,
                "actor": self._actor,
                "detail": {**detail, **(free_text or {})},
            }
        )
        before_commit(self._session, _insert_events)
        append(
            self._session, [AuditEntry(self._now_ms, self._actor, action, case_id, dict(detail))]
        )


def _insert_events(session: Session) -> None:
    insert_rows(session, CaseEvent, session.info.pop(_EVENTS))
