"""Prometheus metrics of the alerting service.

Counters of this process are kept here. Sums of money and cases are read from the database at each
scrape (``DatabaseCollector``): a counter in memory would start at zero after a restart and could
disagree with the report. Every replica shows the same figures, so dashboards take their ``max``, not
their ``sum``.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from alerting.cases.due_columns import neglected_sql, overdue_sql
from alerting.cases.ledger.ledger_totals import LABELS, LedgerTotals
from alerting.cases.lifecycle import OPEN_STATES
from alerting.db.case_tables import Case, Warning_
from alerting.db.database import Database
from alerting.db.dispatch_tables import Delivery
from alerting.db.journal_tables import OutboxMessage
from alerting.db.ledger_tables import LedgerEntry
from forewarn.platform.clock import Clock, local_day

INGESTED = Counter(
    "forewarn_alerting_warnings_ingested_total",
    "Ingested warning messages, by source and result",
    ["source", "result"],
)
INGEST_SECONDS = Histogram(
    "forewarn_alerting_ingest_batch_seconds", "Time to apply one batch of warnings"
)
INDEXED = Counter(
    "forewarn_alerting_events_indexed_total", "Calls and transfers written to the contact index"
)
DELIVERIES = Counter(
    "forewarn_alerting_delivery_attempts_total",
    "Attempts to deliver a message or order, by channel and result",
    ["channel", "result"],
)
DELIVERY_SECONDS = Histogram(
    "forewarn_alerting_delivery_seconds", "Time of one attempt to deliver", ["channel"]
)
TIMER_FAILURES = Counter(
    "forewarn_alerting_timer_failures_total",
    "Timers that failed and were postponed, by kind; their cases send no pages until then",
    ["kind"],
)
for _kind in ("dispatch", "deadline", "follow_up", "orders"):
    TIMER_FAILURES.labels(_kind)  # exists at zero, so that the first one is an increase
ORDER_ACTS = Counter(
    "forewarn_alerting_order_acts_total",
    "Acts of the clock of orders, by reason: alerts, notices, releases at the end, repeated releases",
    ["reason"],
)
for _reason in (
    "order_refused",
    "order_not_confirmed",
    "order_runs_out_soon",
    "order_ran_out",
    "order_notice_due",
    "release_notice_due",
    "release_not_confirmed",
    "appeal_due_soon",
    "appeal_overdue",
):
    ORDER_ACTS.labels(_reason)  # exists at zero, so that the first one is an increase
BREAKER_OPEN = Gauge(
    "forewarn_alerting_gateway_breaker_open", "1 while a gateway's circuit is open", ["gateway"]
)
PLAYBOOK_FAULTS = Counter(
    "forewarn_alerting_playbooks_reload_failures_total", "Files of playbooks refused as not valid"
)
WEBHOOKS = Counter(
    "forewarn_alerting_webhook_calls_total",
    "Calls of webhooks of cases' lives, by target and result; again: no answer, sent later",
    ["target", "result"],
)
ROTA_GAP = Gauge(
    "forewarn_alerting_rota_gap_seconds",
    "Time without anyone on call in the next seven days, over all watched rotas",
)
SWEEP_SECONDS = Histogram(
    "forewarn_alerting_sweep_seconds",
    "Time from a confirmation (or a supervisor's approval) to the end of the sweep",
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
ROUTING_VERSION = Gauge(
    "forewarn_alerting_routing_loaded_timestamp_seconds", "When the routing file in use was loaded"
)
ROUTING_FAULTS = Counter(
    "forewarn_alerting_routing_reload_failures_total", "Routing files refused as not valid"
)
OPTIONS_VERSION = Gauge(
    "forewarn_alerting_options_loaded_timestamp_seconds", "When the options in use were loaded"
)
OPTIONS_FAULTS = Counter(
    "forewarn_alerting_options_reload_failures_total", "Options files refused as not valid"
)
UNMASKINGS = Counter(
    "forewarn_alerting_unmaskings_total",
    "Requests to show a number in clear: shown, refused, or over the hourly limit",
    ["result"],
)
for _result in ("shown", "refused", "limited"):
    UNMASKINGS.labels(_result)  # exists at zero, so that the first one is an increase
AUDIT_FAILURES = Counter(
    "forewarn_alerting_audit_failures_total", "Checks that found the audit log changed or cut"
)
AUDIT_CHECKED = Gauge(
    "forewarn_alerting_audit_checked_timestamp_seconds",
    "When this replica last checked the whole audit log; 0 before it did",
)
for _result in ("raised", "updated", "withdrawn", "duplicate", "stale", "foreign", "rejected"):
    INGESTED.labels("kafka", _result)  # exists at zero, so that the first one is an increase

RESPONSES = Counter(
    "forewarn_alerting_responses_total",
    "Responses to cases that waited for one, by whether they met the deadline",
    ["severity", "result"],
)
RESPONSE_SECONDS = Histogram(
    "forewarn_alerting_response_seconds",
    "From the opening of a case to a response to it",
    ["severity"],
    # The deadlines by severity (60, 180, 300) are among the bounds.
    buckets=(15, 30, 60, 120, 180, 300, 600, 1800, 3600),
)
for _severity in ("extreme", "critical", "high", "medium"):
    RESPONSE_SECONDS.labels(_severity)
    for _result in ("met", "missed"):
        RESPONSES.labels(_severity, _result)


COUNT_EVERY_MS = 60_000
"""How long counts over whole tables are kept, since each count reads the whole table."""


@dataclass(frozen=True, slots=True)
class _Counts:
    """Counts over whole tables, and when they were made."""

    at_ms: int
    warnings: int
    closed: list[tuple[str, int]]
    deliveries: list[tuple[str, str, int]]


class DatabaseCollector(Collector):
    """Reads the ledger and the open cases at each scrape; counts of whole tables once a minute.

    Args:
        db: of the cases.
        clock: UTC ms.
        zone: in which a day begins, as in reports.
    """

    def __init__(self, db: Database, clock: Clock, zone: ZoneInfo) -> None:
        self._db = db
        self._clock = clock
        self._zone = zone
        self._totals = LedgerTotals()
        self._counted: _Counts | None = None

    def describe(self) -> Iterable[Metric]:
        """Describe nothing, so that registering does not read the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Read the present figures."""
        yield from self._ledger()
        yield from self._cases()
        yield from self._queues()

    def _ledger(self) -> Iterator[Metric]:
        with self._db.read() as session:
            sums = self._totals.read(session, self._clock())
        families = {
            ("estimated", True): CounterMetricFamily(
                "forewarn_alerting_estimated_loss_minor",
                "Loss expected by warnings, in minor units of the currency",
                labels=LABELS,
            ),
            ("estimated", False): CounterMetricFamily(
                "forewarn_alerting_estimated_loss_released_minor",
                "Expected loss that was revised, withdrawn or closed",
                labels=LABELS,
            ),
            ("confirmed", True): CounterMetricFamily(
                "forewarn_alerting_prevented_loss_minor",
                "Loss prevented as confirmed at closure, in minor units of the currency",
                labels=LABELS,
            ),
            ("confirmed", False): CounterMetricFamily(
                "forewarn_alerting_prevented_loss_taken_back_minor",
                "Prevented loss taken back because the money was lost or the case reopened",
                labels=LABELS,
            ),
            ("lost", True): CounterMetricFamily(
                "forewarn_alerting_lost_minor",
                "Loss that occurred in spite of a warning, in minor units of the currency",
                labels=LABELS,
            ),
        }
        for (account, *labels), (positive, negative) in sums.items():
            balance = account == "lost"  # as in the report: a loss may move between transfers
            grown = positive - negative if balance else positive
            for sign, amount in ((True, grown), (False, negative)):
                if (account, sign) in families:
                    families[account, sign].add_metric(labels, float(amount))
        yield from families.values()
        yield self._today()

    def _today(self) -> Metric:
        """Today's sum; counters do not give it where Prometheus missed the beginning of the day."""
        today = GaugeMetricFamily(
            "forewarn_alerting_prevented_today_minor",
            "Loss prevented less what was taken back, of the local day, in minor units",
            labels=("district", "typology", "currency"),
        )
        columns = (LedgerEntry.district, LedgerEntry.typology, LedgerEntry.currency)
        day = local_day(self._clock(), self._zone)
        with self._db.read() as session:
            for *labels, amount in session.execute(
                select(*columns, func.sum(LedgerEntry.amount_minor))
                .where(LedgerEntry.day == day, LedgerEntry.account == "confirmed")
                .group_by(*columns)
            ):
                today.add_metric(labels, float(amount))
        return today

    def _cases(self) -> Iterator[Metric]:
        count = GaugeMetricFamily(
            "forewarn_alerting_open_cases", "Open cases", labels=("state", "severity")
        )
        at_risk = GaugeMetricFamily(
            "forewarn_alerting_at_risk_minor",
            "Amount at risk in open cases, in minor units of the currency",
            labels=("severity", "currency"),
        )
        overdue = GaugeMetricFamily(
            "forewarn_alerting_overdue_cases", "Cases past their deadline with no response"
        )
        neglected = GaugeMetricFamily(
            "forewarn_alerting_neglected_cases",
            "Cases whose holder did not reach the person, or come to an outcome, in time",
        )
        closed = GaugeMetricFamily(
            "forewarn_alerting_closed_cases",
            "Cases that are closed; fewer when one is reopened",
            labels=("disposition",),
        )
        with self._db.read() as session:
            is_open = Case.state.in_(OPEN_STATES)
            number = func.count()
            for state, severity, cases in session.execute(
                select(Case.state, Case.severity, number)
                .where(is_open)
                .group_by(Case.state, Case.severity)
            ):
                count.add_metric([state, severity], cases)
            for severity, currency, amount in session.execute(
                select(Case.severity, Case.currency, func.sum(Case.amount_at_risk_minor))
                .where(is_open)
                .group_by(Case.severity, Case.currency)
            ):
                at_risk.add_metric([severity, currency], float(amount))
            for disposition, cases in self._counts(session).closed:
                closed.add_metric([disposition], cases)
            now_ms = self._clock()
            for family, condition in (
                (overdue, overdue_sql(now_ms)),
                (neglected, neglected_sql(now_ms)),
            ):
                found = session.scalar(select(number).select_from(Case).where(condition))
                family.add_metric([], found or 0)
        yield from (count, at_risk, overdue, neglected, closed)

    def _queues(self) -> Iterator[Metric]:
        with self._db.read() as session:
            number = func.count()
            waiting = session.scalar(select(number).where(OutboxMessage.sent_at_ms.is_(None)))
            counts = self._counts(session)
        yield GaugeMetricFamily(
            "forewarn_alerting_outbox_messages", "Messages not sent to Kafka yet", waiting or 0
        )
        yield CounterMetricFamily(
            "forewarn_alerting_warnings", "Distinct warnings in the ledger", counts.warnings
        )
        family = GaugeMetricFamily(
            "forewarn_alerting_deliveries",
            "Deliveries by channel and state",
            labels=("channel", "state"),
        )
        for channel, state, number_of in counts.deliveries:
            family.add_metric([channel, state], number_of)
        yield family

    def _counts(self, session: Session) -> _Counts:
        now_ms = self._clock()
        kept = self._counted
        if kept is not None and 0 <= now_ms - kept.at_ms < COUNT_EVERY_MS:
            return kept
        number = func.count()
        closed = session.execute(
            select(Case.disposition, number)
            .where(Case.state == "closed")
            .group_by(Case.disposition)
        )
        deliveries = session.execute(
            select(Delivery.channel, Delivery.state, number).group_by(
                Delivery.channel, Delivery.state
            )
        )
        self._counted = _Counts(
            at_ms=now_ms,
            warnings=session.scalar(select(number).select_from(Warning_)) or 0,
            closed=[(disposition or "", count) for disposition, count in closed],
            deliveries=[(channel, state, count) for channel, state, count in deliveries],
        )
        return self._counted
