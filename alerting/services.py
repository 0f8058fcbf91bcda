"""Everything that routes and pages call, put together once by the composition root."""

from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from alerting.cases.closing import ClosingDesk
from alerting.cases.losses import LossDesk
from alerting.cases.queries import CaseQueries
from alerting.cases.relatives import RelativeDesk
from alerting.clock import Clock
from alerting.contacts.held import SweepDesk
from alerting.db.engine import Database
from alerting.dispatch.desk import DispatchDesk
from alerting.dispatch.reports import GatewayReports
from alerting.ingest.ingestor import Ingestor
from alerting.lists.service import ListDesk
from alerting.routing.desk import RoutingDesk
from alerting.routing.source import RoutingSource


@dataclass(frozen=True, slots=True)
class Services:
    """The service layer. Every method that touches cases takes a principal or its scope."""

    db: Database
    clock: Clock
    zone: ZoneInfo
    desk: ClosingDesk
    losses: LossDesk
    relatives: RelativeDesk
    cases: CaseQueries
    ingestor: Ingestor
    dispatch: DispatchDesk
    lists: ListDesk
    sweeps: SweepDesk
    routing: RoutingSource
    routing_desk: RoutingDesk
    reports: GatewayReports
    gateway_secrets: Mapping[str, str]
