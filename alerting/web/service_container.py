"""The services that routes and pages call; built once by the composition root."""

from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from alerting.cases.bulk_steps import BulkSteps
from alerting.cases.case_queries import CaseQueries
from alerting.cases.case_service import CaseService
from alerting.cases.closure_reviews import ClosureReviews
from alerting.cases.closure_service import ClosureService
from alerting.cases.emergency_contacts import EmergencyContactService
from alerting.cases.late_loss_service import LateLossService
from alerting.cases.loss_service import LossService
from alerting.cases.playbooks.playbook_file import PlaybookSource
from alerting.cases.playbooks.task_service import TaskService
from alerting.cases.unmasking_log import UnmaskingLog
from alerting.cases.visits.return_visits import ReturnVisits
from alerting.db.database import Database
from alerting.evidence.evidence_service import EvidenceService
from alerting.ingest.ingestor import Ingestor
from alerting.linkage.clues.clue_imports import ClueImports
from alerting.linkage.lists.list_service import ListService
from alerting.linkage.sweep_service import SweepService
from alerting.notify.dispatch.dispatch_service import DispatchService
from alerting.notify.dispatch.gateway_reports import GatewayReports
from alerting.notify.dispatch.three_way_calls import ThreeWayCalls
from alerting.notify.links.page_answers import PageAnswers
from alerting.notify.notices.notice_writer import NoticeWriter
from alerting.notify.rota.calendar_feeds import CalendarFeeds
from alerting.notify.rota.rota_requests import RotaRequests
from alerting.notify.rota.rota_service import RotaService
from alerting.notify.routing.routing_service import RoutingService
from alerting.notify.routing.routing_source import RoutingSource
from alerting.orders.appeal_service import AppealService
from alerting.orders.money_stops import MoneyStops
from alerting.orders.order_clock import OrderClock
from alerting.orders.order_service import OrderService
from forewarn.platform.clock import Clock


@dataclass(frozen=True, slots=True)
class Services:
    """The service layer. Every method that touches cases takes a principal or its scope."""

    db: Database
    clock: Clock
    zone: ZoneInfo
    case_queries: CaseQueries
    case_service: CaseService
    closures: ClosureService
    reviews: ClosureReviews
    late_losses: LateLossService
    unwarned_losses: LossService
    emergency_contacts: EmergencyContactService
    ingestor: Ingestor
    dispatch: DispatchService
    three_way_calls: ThreeWayCalls
    lists: ListService
    sweeps: SweepService
    routing: RoutingSource
    routing_service: RoutingService
    gateway_reports: GatewayReports
    orders: OrderService
    order_clock: OrderClock
    playbooks: PlaybookSource
    tasks: TaskService
    visits: ReturnVisits
    bulk: BulkSteps
    clue_imports: ClueImports
    page_answers: PageAnswers
    notices: NoticeWriter
    rotas: RotaService
    rota_requests: RotaRequests
    calendars: CalendarFeeds
    appeals: AppealService
    money_stops: MoneyStops
    evidence: EvidenceService
    unmaskings: UnmaskingLog
    gateway_secrets: Mapping[str, str]
