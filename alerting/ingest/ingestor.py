"""The one entry point for warnings, from Kafka and over HTTP."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerting.access import EVERYTHING, Scope
from alerting.cases.late_loss_service import LateLoss, LateLossService
from alerting.db.case_tables import Case, Warning_
from alerting.db.database import Database
from alerting.ingest.batch_parts import READ_MAX, Person, held_warnings, parts
from alerting.ingest.warning_batch import ACTOR, Applied, IngestRules, apply_warnings
from alerting.ingest.warning_decoder import decode_warning
from alerting.messaging.poison_isolation import Reject, apply_isolated
from alerting.messaging.topic_reader import TopicRecord
from alerting.service_metrics import INGEST_SECONDS, INGESTED
from forewarn.contracts.fraud_warning import FraudWarning
from forewarn.errors import ContractError
from forewarn.platform.clock import Clock

FOREIGN = "a revision names another tenant or subscriber than the warning did"


class Ingestor:
    """Applies warnings, and late losses that they show in closed cases."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        rules: IngestRules,
        late_losses: LateLossService,
        *,
        attribution_window_ms: int,
        read_max: int = READ_MAX,
    ) -> None:
        self._db = db
        self._clock = clock
        self._rules = rules
        self._late_losses = late_losses
        self._window_ms = attribution_window_ms
        self._read_max = read_max

    def ingest(
        self, warnings: Sequence[FraudWarning], source: str, *, scope: Scope = EVERYTHING
    ) -> Applied:
        """Apply warnings in one transaction; revisions of warnings outside ``scope`` change nothing.

        Raises:
            DependencyUnavailableError: if the database does not answer; nothing was applied.
        """
        with INGEST_SECONDS.time(), self._db.write() as session:
            applied = self.apply(session, warnings, scope=scope)
        for result, count in applied.counts().items():
            INGESTED.labels(source, result).inc(count)
        return applied

    def apply(
        self, session: Session, warnings: Sequence[FraudWarning], *, scope: Scope = EVERYTHING
    ) -> Applied:
        """Apply warnings in the caller's write transaction, without metrics."""
        now_ms = self._clock()
        applied = apply_warnings(self._db, session, warnings, self._rules, now_ms, scope=scope)
        if applied.late_evidence:
            session.flush()
            self._late(session, applied.late_evidence, now_ms)
        return applied

    def handle(self, records: list[TopicRecord], reject: Reject) -> None:
        """Apply a batch from Kafka, in parts where its people have many warnings.

        Records that do not decode, that revise another person's warning or that the database
        refuses go to ``reject``; the others are applied.
        """
        decoded: list[tuple[TopicRecord, FraudWarning]] = []
        for item in records:
            try:
                decoded.append((item, decode_warning(item.value)))
            except ContractError as error:
                reject(item, error)
                INGESTED.labels("kafka", "rejected").inc()

        def apply(items: Sequence[tuple[TopicRecord, FraudWarning]]) -> None:
            applied = self.ingest([warning for _, warning in items], "kafka")
            for (item, _), (_, _, result) in zip(items, applied.results, strict=True):
                if result == "foreign":
                    reject(item, ContractError(FOREIGN, reason="invalid_field"))

        if not decoded:
            return
        with self._db.read() as session:
            held = held_warnings(session, {_person(item) for item in decoded})
        for part in parts(decoded, _person, held, self._read_max):
            refused = apply_isolated(part, apply, reject)
            INGESTED.labels("kafka", "rejected").inc(refused)

    def _late(self, session: Session, case_ids: Sequence[str], now_ms: int) -> None:
        """Record transfers of closed cases that went through after all."""

        def losses_of(case: Case) -> list[LateLoss]:
            rows = session.scalars(
                select(Warning_).where(
                    Warning_.case_id == case.case_id,
                    Warning_.subject_kind == "transfer",
                    Warning_.subject_status == "completed",
                    Warning_.action != "withdraw",
                    Warning_.event_time_ms <= case.first_event_ms + self._window_ms,
                )
            )
            return [
                LateLoss(row.amount_at_risk_minor, row.subject_id, known_at_ms=row.event_time_ms)
                for row in rows
            ]

        self._late_losses.see_losses(session, case_ids, losses_of, ACTOR, now_ms)


def _person(item: tuple[TopicRecord, FraudWarning]) -> Person:
    return item[1].tenant, item[1].subscriber
