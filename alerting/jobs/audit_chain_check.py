"""Checks the audit log several times a day, so that a cut or changed chain raises an alert."""

import threading

import structlog

from alerting.cases import history
from alerting.cases.history import Verification
from alerting.db.database import Database
from alerting.db.lease import hold
from alerting.service_metrics import AUDIT_CHECKED, AUDIT_FAILURES
from forewarn.platform.clock import Clock

LEASE = "audit-watch"
EVERY_SECONDS = 6 * 3600.0
ASK_SECONDS = 300.0
"""How often a replica tries to take the lease; another takes over when its holder is gone."""

_log = structlog.get_logger(__name__)


class AuditChainCheck:
    """Verifies the whole chain a few times a day on one replica, as a background task.

    A failure is counted and logged; the log itself stays as it is, since it is evidence. Each check
    logs the head and keeps it for the next one: a log that was emptied, or written again from its
    beginning, is whole in itself but does not hold the earlier head.
    """

    def __init__(self, db: Database, clock: Clock, *, owner: str) -> None:
        self._db = db
        self._clock = clock
        self._owner = owner
        self._due_ms = 0
        self._kept: Verification | None = None

    def turn(self, _stop: threading.Event) -> float:
        """Check if it is time and this replica holds the lease; return the seconds to the next turn."""
        now_ms = self._clock()
        if not hold(self._db, LEASE, self._owner, 2 * ASK_SECONDS, now_ms):
            return ASK_SECONDS
        if now_ms < self._due_ms:
            return ASK_SECONDS
        kept = self._kept
        result = history.verify(self._db, expect=kept.head if kept else None)
        fewer = kept is not None and result.lines < kept.lines
        fault = "there are fewer records than before" if fewer else result.fault
        self._due_ms = now_ms + int(EVERY_SECONDS * 1000)
        AUDIT_CHECKED.set(now_ms / 1000)
        if fault:
            AUDIT_FAILURES.inc()
            _log.error("audit_chain_broken", fault=fault, lines=result.lines, head=result.head)
        else:
            self._kept = result
            _log.info("audit_chain_checked", lines=result.lines, head=result.head)
        return ASK_SECONDS
