"""The one way in for warnings, whether they come from Kafka or over HTTP."""

from collections.abc import Callable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerting.cases.closing import ClosingDesk, LateLoss
from alerting.cases.service import Done, record
from alerting.clock import Clock
from alerting.db.cases import Case, Warning_
from alerting.db.engine import Database
from alerting.ingest.apply import ACTOR, Applied, IngestRules, apply_warnings
from alerting.ingest.decode import decode_warning
from alerting.links.reader import Record
from alerting.metrics import INGEST_SECONDS, INGESTED
from forewarn.errors import ContractError
from forewarn.events.warnings import FraudWarning

Reject = Callable[[Record, ContractError], None]


class Ingestor:
    """Applies warnings and what they tell of cases that are closed already."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        rules: IngestRules,
        desk: ClosingDesk,
        *,
        attribution_window_ms: int,
    ) -> None:
        self._db = db
        self._clock = clock
        self._rules = rules
        self._desk = desk
        self._window_ms = attribution_window_ms

    def ingest(self, warnings: Sequence[FraudWarning], source: str) -> Applied:
        """Apply warnings in one transaction.

        Raises:
            DependencyUnavailableError: if the database does not answer; nothing was applied.
        """
        now_ms = self._clock()
        with INGEST_SECONDS.time(), self._db.write() as session:
            applied = apply_warnings(self._db, session, warnings, self._rules, now_ms)
            if applied.late_evidence:
                session.flush()
                self._late(session, applied.late_evidence, now_ms)
        for result, count in applied.counts().items():
            INGESTED.labels(source, result).inc(count)
        return applied

    def handle(self, records: list[Record], reject: Reject) -> None:
        """Apply a batch from Kafka; what does not decode goes to ``reject`` and the rest goes on."""
        warnings = []
        for item in records:
            try:
                warnings.append(decode_warning(item.value))
            except ContractError as error:
                reject(item, error)
                INGESTED.labels("kafka", "rejected").inc()
        if warnings:
            self.ingest(warnings, "kafka")

    def _late(self, session: Session, case_ids: Sequence[str], now_ms: int) -> None:
        """A transfer of a case that was closed as prevented went through after all."""
        rows = session.scalars(
            select(Warning_).where(
                Warning_.case_id.in_(case_ids),
                Warning_.subject_kind == "transfer",
                Warning_.subject_status == "completed",
            )
        )
        for row in list(rows):
            case = session.get(Case, row.case_id)
            if case is None or case.disposition not in ("dissuaded", "loss_occurred"):
                continue
            if row.event_time_ms - case.first_event_ms > self._window_ms:
                continue
            loss = LateLoss(row.amount_at_risk_minor, row.subject_id, known_at_ms=row.event_time_ms)
            if self._desk.apply_loss(session, case, loss, now_ms):
                detail = {"lost_minor": loss.lost_minor, "transfer_id": loss.transfer_id}
                record(self._db, session, case, Done("loss_seen", detail), ACTOR, now_ms)
