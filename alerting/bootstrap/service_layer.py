"""The service layer: every use case of the service over one database, built from settings."""

from typing import Any
from zoneinfo import ZoneInfo

from alerting.bootstrap.gateways import available_channels, gateway_secrets
from alerting.cases.bulk_steps import BulkSteps
from alerting.cases.case_accounts import CaseAccounts
from alerting.cases.case_queries import CaseQueries
from alerting.cases.case_service import CaseService
from alerting.cases.case_steps import CaseSteps
from alerting.cases.closure_reviews import ClosureReviews, ReviewSample
from alerting.cases.closure_service import ClosureService
from alerting.cases.currency_weights import CurrencyWeights
from alerting.cases.emergency_contacts import EmergencyContactService
from alerting.cases.follow_up import FollowUps
from alerting.cases.late_loss_service import LateLossService
from alerting.cases.loss_service import LossService
from alerting.cases.playbooks.playbook_file import PlaybookSource
from alerting.cases.playbooks.task_service import TaskService
from alerting.cases.severity import Deadlines
from alerting.cases.unmasking_log import UnmaskingLog
from alerting.cases.visits.return_visits import DAY_MS, ReturnVisits
from alerting.db.database import Database
from alerting.evidence.evidence_service import EvidenceService
from alerting.ingest import IngestRules
from alerting.ingest.ingestor import Ingestor
from alerting.linkage.clues.clue_imports import ClueImports
from alerting.linkage.lists.list_service import ListService
from alerting.linkage.sweep_service import SweepService
from alerting.notify.dispatch.delivery_composer import DispatchOptions
from alerting.notify.dispatch.dispatch_service import DispatchService
from alerting.notify.dispatch.gateway_reports import GatewayReports
from alerting.notify.dispatch.three_way_calls import ThreeWayCalls
from alerting.notify.links.page_answers import PageAnswers
from alerting.notify.links.page_links import PageLinkCode
from alerting.notify.notices.notice_writer import NoticeWriter
from alerting.notify.rota.calendar_feeds import CalendarFeeds
from alerting.notify.rota.rota_requests import RotaRequests
from alerting.notify.rota.rota_service import RotaService
from alerting.notify.routing.routing_service import RoutingService
from alerting.notify.routing.routing_source import RoutingSource
from alerting.orders.appeal_service import AppealService
from alerting.orders.money_stops import MoneyStops
from alerting.orders.notice_texts import NoticeText
from alerting.orders.order_clock import OrderClock
from alerting.orders.order_rules import OrderOptions
from alerting.orders.order_service import OrderService
from alerting.web.service_container import Services
from forewarn.platform.clock import Clock
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.platform.settings import AlertingSettings
from forewarn.platform.settings.alerting_options import AlertingOptions


def build_services(
    settings: AlertingSettings,
    db: Database,
    clock: Clock,
    pseudonymiser: Pseudonymiser,
    routing: RoutingSource | None = None,
    playbooks: PlaybookSource | None = None,
) -> Services:
    """Build the service layer over a database.

    Args:
        settings: of the alerting service.
        db: at its newest schema.
        clock: UTC milliseconds.
        pseudonymiser: keys numbers and accounts for the audit log and the lists topic.
        routing: in use already; None opens the routing file of the settings.
        playbooks: in use already; None opens the file of the settings.

    Raises:
        ConfigurationError: the routing file or the gateways' secrets are not valid.
    """
    options = settings.options
    zone = ZoneInfo(options.console.timezone)
    window_ms = options.cases.attribution_window_seconds * 1000
    deadlines = Deadlines(**options.first_response.model_dump())
    steps = CaseSteps(db, clock)
    accounts = CaseAccounts(zone)
    lists = ListService(db, clock, pseudonymiser)
    late_losses = LateLossService(db, clock, accounts)
    routing = routing or RoutingSource(settings.routing_file, clock)
    playbooks = playbooks or PlaybookSource(settings.playbooks_file)
    orders = order_options(settings)
    chosen = dispatch_options(settings, deadlines, orders, playbooks)
    dispatch = DispatchService(routing, chosen)
    tasks = TaskService(db, steps, playbooks)
    case_service = CaseService(steps, deadlines, chosen.follow_ups)
    visits = ReturnVisits(db, clock, options.return_visits.hours)
    closures = closure_service(options, steps, accounts, lists, deadlines, orders, tasks, visits)
    return Services(
        db=db,
        clock=clock,
        zone=zone,
        case_queries=CaseQueries(db),
        reviews=ClosureReviews(db, clock),
        case_service=case_service,
        closures=closures,
        late_losses=late_losses,
        unwarned_losses=LossService(db, clock, late_losses, pseudonymiser),
        emergency_contacts=EmergencyContactService(db, clock, pseudonymiser),
        ingestor=Ingestor(
            db, clock, _rules(settings, deadlines), late_losses, attribution_window_ms=window_ms
        ),
        dispatch=dispatch,
        three_way_calls=ThreeWayCalls(steps, chosen),
        lists=lists,
        sweeps=SweepService(db, clock),
        routing=routing,
        routing_service=RoutingService(db, clock, deadlines),
        gateway_reports=GatewayReports(db, clock),
        order_clock=OrderClock(orders, dispatch.alert),
        playbooks=playbooks,
        tasks=tasks,
        visits=visits,
        bulk=BulkSteps(case_service, closures),
        page_answers=PageAnswers(db, clock, case_service, PageLinkCode(pseudonymiser)),
        **_rota_services(settings, db, clock),
        **_order_services(orders, db, clock, pseudonymiser, zone),
        clue_imports=ClueImports(db, clock, lists),
        gateway_secrets=gateway_secrets(settings),
    )


def closure_service(
    options: AlertingOptions,
    steps: CaseSteps,
    accounts: CaseAccounts,
    lists: ListService,
    deadlines: Deadlines,
    orders: OrderOptions,
    tasks: TaskService,
    visits: ReturnVisits,
) -> ClosureService:
    """Closes cases, and chooses those that a second person reviews."""
    return ClosureService(
        steps,
        accounts,
        lists,
        window_ms=options.cases.attribution_window_seconds * 1000,
        deadlines=deadlines,
        orders=orders,
        sample=ReviewSample(options.reviews.share),
        tasks=tasks,
        visits=visits,
    )


def _rules(settings: AlertingSettings, deadlines: Deadlines) -> IngestRules:
    """How warnings make cases, from the settings."""
    return IngestRules(
        deadlines=deadlines,
        correlation_window_ms=settings.options.cases.correlation_window_seconds * 1000,
        zone=ZoneInfo(settings.options.console.timezone),
        watch_ms=settings.options.return_visits.watch_days * DAY_MS,
        weights=CurrencyWeights(settings.options.console.currency, settings.options.ranking.rates),
    )


def _order_services(
    options: OrderOptions, db: Database, clock: Clock, pseudonymiser: Pseudonymiser, zone: ZoneInfo
) -> dict[str, Any]:
    """The services of orders and of evidence, by their names in ``Services``."""
    orders = OrderService(db, clock, options)
    unmaskings = UnmaskingLog(db, clock)
    return {
        "unmaskings": unmaskings,
        "orders": orders,
        "appeals": AppealService(db, clock, options),
        "money_stops": MoneyStops(db, clock, orders, pseudonymiser),
        "evidence": EvidenceService(db, clock, zone, unmaskings),
    }


def _rota_services(settings: AlertingSettings, db: Database, clock: Clock) -> dict[str, Any]:
    """The services of rotas and notices, by their names in ``Services``."""
    language = settings.options.messages.language
    notices = NoticeWriter(available_channels(settings), language, settings.public_url.rstrip("/"))
    rotas = RotaService(db, clock, notices)
    return {
        "notices": notices,
        "rotas": rotas,
        "rota_requests": RotaRequests(db, clock, rotas, language),
        "calendars": CalendarFeeds(db, clock),
    }


def dispatch_options(
    settings: AlertingSettings,
    deadlines: Deadlines,
    orders: OrderOptions,
    playbooks: PlaybookSource,
) -> DispatchOptions:
    """How cases are dispatched, from the settings."""
    messages = settings.options.messages
    return DispatchOptions(
        available=available_channels(settings),
        language=messages.language,
        public_url=settings.public_url.rstrip("/"),
        budget_per_day=messages.person_budget_per_day,
        deadlines=deadlines,
        follow_ups=FollowUps(**settings.options.follow_up.model_dump()),
        orders=orders,
        wording=playbooks.message,
    )


def order_options(settings: AlertingSettings) -> OrderOptions:
    """How orders hold, from the settings."""
    table = settings.options.orders
    return OrderOptions(
        available=available_channels(settings),
        language=settings.options.messages.language,
        hours=table.hours,
        hours_by_tenant=table.hours_by_tenant,
        extensions=table.extensions,
        warn_before_minutes=table.warn_before_minutes,
        confirm_minutes=table.confirm_minutes,
        legal_basis={
            "hold_transfer": table.legal_basis_payment,
            "stop_account": table.legal_basis_payment,
            "suspend_line": table.legal_basis_line,
        },
        appeal_hours=table.appeal_hours,
        appeal_hours_by_tenant=table.appeal_hours_by_tenant,
        contact=table.contact,
        texts=tuple(NoticeText(**text.model_dump()) for text in table.notices),
        zone=ZoneInfo(settings.options.console.timezone),
    )
