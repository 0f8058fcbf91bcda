"""The service layer and the background work, built from settings: part of the composition root."""

import os
import socket
from zoneinfo import ZoneInfo

import httpx

from alerting.cases.case_queries import CaseQueries
from alerting.cases.closure_service import ClosureService
from alerting.cases.emergency_contacts import EmergencyContactService
from alerting.cases.follow_up import FollowUps
from alerting.cases.history.case_event_exporter import CaseEventExporter
from alerting.cases.loss_service import LossService
from alerting.cases.severity import Deadlines
from alerting.cases.timers.timer_schedule import DEADLINE, DISPATCH, FOLLOW_UP
from alerting.cases.timers.timer_worker import TimerWorker
from alerting.db.database import Database
from alerting.ingest import IngestRules
from alerting.ingest.ingestor import Ingestor
from alerting.ingest.rejected_warnings import rejecter
from alerting.jobs.audit_chain_check import AuditChainCheck
from alerting.jobs.retention import Retention, RetentionOptions
from alerting.linkage.contact_index import ContactIndex
from alerting.linkage.lists.list_service import ListService
from alerting.linkage.sweep_service import SweepService
from alerting.linkage.sweeper import Sweeper, SweepOptions
from alerting.messaging.background_task import BackgroundTask
from alerting.messaging.outbox_sender import OutboxSender, Producer
from alerting.messaging.topic_reader import TopicReader
from alerting.notify.channels.channel import Channel
from alerting.notify.channels.circuit_breaker import Breakers
from alerting.notify.channels.email_channel import EmailChannel, SmtpOptions
from alerting.notify.channels.http_channel import HttpChannel, order_body, sms_body, voice_body
from alerting.notify.channels.patrol_channel import PatrolChannel
from alerting.notify.channels.team_channels import ChatChannel, WebhookChannel
from alerting.notify.dispatch.delivery_composer import DispatchOptions
from alerting.notify.dispatch.delivery_sender import DeliverySender, DeliverySenderOptions
from alerting.notify.dispatch.dispatch_service import DispatchService
from alerting.notify.dispatch.gateway_reports import GatewayReports
from alerting.notify.routing.routing_service import RoutingService
from alerting.notify.routing.routing_source import RoutingSource
from alerting.web.service_container import Services
from forewarn.contracts.topics import qualified
from forewarn.errors import ConfigurationError
from forewarn.platform.clock import Clock
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.platform.settings import AlertingSettings, KafkaSettings
from forewarn.telemetry.tracing import Tracer

LIST_EXPIRY_SECONDS = 5.0
INDEX_BATCH = 2_000


def deadlines(settings: AlertingSettings) -> Deadlines:
    """Time to first response per severity."""
    return Deadlines(
        critical_seconds=settings.critical_deadline_seconds,
        high_seconds=settings.high_deadline_seconds,
        medium_seconds=settings.medium_deadline_seconds,
    )


def follow_ups(settings: AlertingSettings) -> FollowUps:
    """Time to contact and to an outcome per severity, once somebody has a case."""
    return FollowUps(
        critical_contact_seconds=settings.critical_contact_seconds,
        high_contact_seconds=settings.high_contact_seconds,
        medium_contact_seconds=settings.medium_contact_seconds,
        critical_outcome_seconds=settings.critical_outcome_seconds,
        high_outcome_seconds=settings.high_outcome_seconds,
        medium_outcome_seconds=settings.medium_outcome_seconds,
    )


def available_channels(settings: AlertingSettings) -> frozenset[str]:
    """The channels that this installation can send over."""
    configured = {
        "sms": settings.sms_url,
        "voice": settings.voice_url,
        "bank": settings.bank_url,
        "operator": settings.operator_url,
        "email": settings.smtp_url,
    }
    return frozenset({name for name, url in configured.items() if url}) | {
        "webhook",
        "chat",
        "patrol",
    }


def gateway_secrets(settings: AlertingSettings) -> dict[str, str]:
    """What is shared with each gateway, by channel: it signs what goes there, and what that gateway
    reports about its own deliveries and no others.

    Raises:
        ConfigurationError: two share one, or orders to a bank or operator would go unsigned.
    """
    secrets = {
        "sms": settings.sms_secret.get_secret_value(),
        "voice": settings.voice_secret.get_secret_value(),
        "bank": settings.bank_secret.get_secret_value(),
        "operator": settings.operator_secret.get_secret_value(),
        "webhook": settings.webhook_secret.get_secret_value(),
    }
    for channel, url in (("bank", settings.bank_url), ("operator", settings.operator_url)):
        if url and not secrets[channel]:
            raise ConfigurationError(
                f"Orders to the {channel} would not be signed.",
                hint=f"Set FOREWARN_ALERTING_{channel.upper()}_SECRET and share it with them.",
            )
    given = [secret for secret in secrets.values() if secret]
    if len(set(given)) < len(given):
        raise ConfigurationError(
            "Two gateways share one secret, so each could answer for the other.",
            hint="Give each FOREWARN_ALERTING_..._SECRET a value of its own.",
        )
    return secrets


def build_services(
    settings: AlertingSettings, db: Database, clock: Clock, pseudonymiser: Pseudonymiser
) -> Services:
    """The service layer over a database.

    Raises:
        ConfigurationError: if the routing file is not valid.
    """
    zone = ZoneInfo(settings.report_timezone)
    window_ms = settings.attribution_window_seconds * 1000
    rules = IngestRules(
        deadlines=deadlines(settings),
        correlation_window_ms=settings.correlation_window_seconds * 1000,
        zone=zone,
    )
    lists = ListService(db, clock, pseudonymiser)
    desk = ClosureService(
        db,
        clock,
        lists,
        zone=zone,
        window_ms=window_ms,
        deadlines=rules.deadlines,
        follow_ups=follow_ups(settings),
    )
    routing = RoutingSource(settings.routing_file, clock, reload_seconds=settings.reload_seconds)
    options = DispatchOptions(
        available=available_channels(settings),
        language=settings.language,
        public_url=settings.public_url.rstrip("/"),
        budget_per_day=settings.person_budget_per_day,
        deadlines=rules.deadlines,
        follow_ups=follow_ups(settings),
    )
    return Services(
        db=db,
        clock=clock,
        zone=zone,
        desk=desk,
        losses=LossService(db, clock, desk, pseudonymiser),
        relatives=EmergencyContactService(db, clock, desk, pseudonymiser),
        cases=CaseQueries(db),
        ingestor=Ingestor(db, clock, rules, desk, attribution_window_ms=window_ms),
        dispatch=DispatchService(db, routing, options),
        lists=lists,
        sweeps=SweepService(db, clock),
        routing=routing,
        routing_desk=RoutingService(db, clock, rules.deadlines),
        reports=GatewayReports(db, clock),
        gateway_secrets=gateway_secrets(settings),
    )


def build_channels(
    settings: AlertingSettings, routing: RoutingSource, clock: Clock
) -> dict[str, Channel]:
    """A channel for everything that is configured."""
    secrets = gateway_secrets(settings)
    timeout = settings.gateway_timeout_seconds
    client = httpx.Client(timeout=timeout, follow_redirects=False)
    channels: dict[str, Channel] = {
        "patrol": PatrolChannel(),
        "webhook": WebhookChannel(routing, secrets["webhook"], client, clock),
        "chat": ChatChannel(routing, timeout_seconds=timeout),
    }
    for name, url, body in (
        ("sms", settings.sms_url, sms_body),
        ("voice", settings.voice_url, voice_body),
        ("bank", settings.bank_url, order_body),
        ("operator", settings.operator_url, order_body),
    ):
        if url:
            channels[name] = HttpChannel(name, url, secrets[name], client, clock, body)
    if settings.smtp_url:
        channels["email"] = EmailChannel(
            SmtpOptions(
                url=settings.smtp_url,
                username=settings.smtp_username,
                password=settings.smtp_password.get_secret_value(),
                sender=settings.smtp_sender,
                timeout_seconds=timeout,
                starttls=settings.smtp_starttls,
                ca_file=settings.smtp_ca_file,
            )
        )
    return channels


def replica_name(settings: AlertingSettings) -> str:
    """What this replica is called in leases."""
    return settings.replica or f"{socket.gethostname()}-{os.getpid()}"


def timer_worker(settings: AlertingSettings, services: Services) -> TimerWorker:
    """Acts on due timers."""
    return TimerWorker(
        services.db,
        services.clock,
        {
            DISPATCH: services.dispatch.dispatch,
            DEADLINE: services.dispatch.deadline,
            FOLLOW_UP: services.dispatch.follow_up,
        },
        tick_seconds=settings.tick_seconds,
        threads=settings.timer_threads,
    )


def courier(settings: AlertingSettings, services: Services) -> DeliverySender:
    """Sends what the dispatch desk wrote."""
    return DeliverySender(
        services.db,
        services.clock,
        build_channels(settings, services.routing, services.clock),
        Breakers(),
        DeliverySenderOptions(
            owner=replica_name(settings),
            lease_seconds=settings.lease_seconds,
            max_attempts=settings.gateway_attempts,
        ),
    )


def sweeper(settings: AlertingSettings, services: Services) -> Sweeper:
    """Does the sweeps that were asked for."""
    return Sweeper(
        services.db,
        services.clock,
        services.lists,
        SweepOptions(
            can_text=bool(settings.sms_url),
            language=settings.language,
            quiet_days=settings.sweep_quiet_days,
            budget_per_day=settings.person_budget_per_day,
            max_contacts=settings.sweep_max_contacts,
        ),
    )


def database_loops(settings: AlertingSettings, services: Services) -> list[BackgroundTask]:
    """Background work that needs the database and the gateways, but not Kafka."""
    sender = courier(settings, services)
    timers = timer_worker(settings, services)
    retention = Retention(
        services.db,
        services.clock,
        RetentionOptions(
            timeline_days=settings.timeline_days,
            contact_days=settings.contact_days,
            personal_data_days=settings.personal_data_days,
        ),
        owner=replica_name(settings),
    )

    def expire(_stop: object) -> float:
        return 0.0 if services.lists.expire() else LIST_EXPIRY_SECONDS

    return [
        BackgroundTask("timers", timers.turn, on_stop=timers.close),
        BackgroundTask("courier", sender.turn, on_stop=sender.close),
        BackgroundTask("sweeps", sweeper(settings, services).turn),
        BackgroundTask("lists", expire),
        BackgroundTask("routing", services.routing.turn),
        BackgroundTask("retention", retention.turn),
        BackgroundTask(
            "audit", AuditChainCheck(services.db, services.clock, owner=replica_name(settings)).turn
        ),
    ]


def trail_loop(settings: AlertingSettings, services: Services, tracer: Tracer) -> BackgroundTask:
    """Tells logs and traces what happens to cases."""
    trail = CaseEventExporter(services.db, services.clock, tracer, owner=replica_name(settings))
    return BackgroundTask("trail", trail.turn, on_stop=trail.close)


def kafka_loops(
    settings: AlertingSettings, kafka: KafkaSettings, services: Services
) -> list[BackgroundTask]:
    """The threads that read warnings, calls and transfers and send what stands in the outbox."""
    sender = OutboxSender(
        services.db, Producer(kafka), services.clock, owner=replica_name(settings)
    )
    letters = Producer(kafka)
    reject = rejecter(letters, services.clock)
    reader = TopicReader(
        kafka,
        [qualified("warnings", kafka)],
        settings.consumer_group,
        lambda records: services.ingestor.handle(records, reject),
    )

    def stop_reading() -> None:
        reader.close()
        letters.close()

    loops = [
        BackgroundTask("warnings", reader.turn, on_stop=stop_reading),
        BackgroundTask("outbox", sender.turn, on_stop=sender.close),
    ]
    if settings.index_enabled:
        loops.append(_index_loop(settings, kafka, services))
    return loops


def _index_loop(
    settings: AlertingSettings, kafka: KafkaSettings, services: Services
) -> BackgroundTask:
    transfers = qualified("transfers", kafka)
    letters = Producer(kafka)
    index = ContactIndex(
        services.db,
        services.clock,
        services.desk,
        transfers_topic=transfers,
        attribution_window_ms=settings.attribution_window_seconds * 1000,
        reject=rejecter(letters, services.clock),
    )
    reader = TopicReader(
        kafka,
        [qualified("calls", kafka), transfers],
        f"{settings.consumer_group}-index",  # warnings must never wait behind calls
        index.handle,
        batch_records=INDEX_BATCH,
    )

    def stop_reading() -> None:
        reader.close()
        letters.close()

    return BackgroundTask("index", reader.turn, on_stop=stop_reading)
