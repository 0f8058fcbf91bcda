"""Figures of orders for Prometheus, read from the database at each scrape."""

from collections import Counter
from collections.abc import Iterable, Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from alerting.db.database import Database
from alerting.db.order_tables import Appeal, Order
from alerting.orders.appeal_decision import STATES as APPEAL_STATES
from alerting.orders.order_states import KINDS, OPEN
from alerting.service_metrics import COUNT_EVERY_MS
from forewarn.platform.clock import Clock

HOUR_MS = 3_600_000
AGES = ((12, "under_12h"), (24, "under_24h"), (48, "under_48h"), (10**9, "older"))
"""Upper bound in hours, and the label of the age."""


class OrderCollector(Collector):
    """Open orders by age, releases that are late, and how many orders hit honest people.

    Args:
        db: of the orders.
        clock: UTC ms.
        late_ms: how long a release may wait for its confirmation.
    """

    def __init__(self, db: Database, clock: Clock, *, late_ms: int) -> None:
        self._db = db
        self._clock = clock
        self._late_ms = late_ms
        self._counted_at_ms: int | None = None
        self._counted: dict[tuple[str, bool], int] = {}

    def describe(self) -> Iterable[Metric]:
        """Describe nothing, so that registering does not read the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Read the present figures."""
        now_ms = self._clock()
        with self._db.read() as session:
            held = session.execute(
                select(Order.kind, Order.ordered_at_ms).where(Order.state.in_(OPEN))
            ).all()
            late = session.scalar(
                select(func.count()).where(
                    Order.state == "release_ordered",
                    Order.release_ordered_at_ms < now_ms - self._late_ms,
                )
            )
            placed = self._placed(session, now_ms)
            objections = _objections(session)
            overdue = session.scalar(
                select(func.count()).where(Appeal.state == "open", Appeal.due_at_ms < now_ms)
            )
        yield GaugeMetricFamily(
            "forewarn_alerting_overdue_appeals",
            "Objections to orders that are not decided in time",
            overdue or 0,
        )
        yield objections
        yield _by_age([(kind, now_ms - at_ms) for kind, at_ms in held])
        yield GaugeMetricFamily(
            "forewarn_alerting_late_releases",
            "Releases that no bank or operator has confirmed in time",
            late or 0,
        )
        yield _placed(placed)

    def _placed(self, session: Session, now_ms: int) -> dict[tuple[str, bool], int]:
        """Counts over the whole table, once a minute."""
        at_ms = self._counted_at_ms
        if at_ms is None or not 0 <= now_ms - at_ms < COUNT_EVERY_MS:
            columns = (Order.kind, Order.hit_honest)
            rows = session.execute(select(*columns, func.count()).group_by(*columns))
            self._counted = {(kind, honest): number for kind, honest, number in rows}
            self._counted_at_ms = now_ms
        return self._counted


def _objections(session: Session) -> Metric:
    family = GaugeMetricFamily(
        "forewarn_alerting_appeals", "Objections to orders, by outcome", labels=("outcome",)
    )
    rows = session.execute(select(Appeal.state, func.count()).group_by(Appeal.state))
    counts = {str(state): int(number) for state, number in rows}
    for state in APPEAL_STATES:
        family.add_metric([state], counts.get(state, 0))
    return family


def _by_age(found: list[tuple[str, int]]) -> Metric:
    family = GaugeMetricFamily(
        "forewarn_alerting_open_orders",
        "Orders that stop a transfer, an account or a line, by age",
        labels=("kind", "age"),
    )
    counts = Counter((kind, age_of(age_ms)) for kind, age_ms in found)
    for kind in KINDS:
        for _, age in AGES:
            family.add_metric([kind, age], counts[kind, age])
    return family


def _placed(counts: dict[tuple[str, bool], int]) -> Metric:
    family = GaugeMetricFamily(
        "forewarn_alerting_placed_orders",
        "Orders placed, by whether they turned out to hit an honest person",
        labels=("kind", "honest"),
    )
    for kind in KINDS:
        for honest in (False, True):
            family.add_metric([kind, str(honest).lower()], counts.get((kind, honest), 0))
    return family


def age_of(age_ms: int) -> str:
    """The label of an age in milliseconds."""
    return next(label for hours, label in AGES if age_ms < hours * HOUR_MS)
