"""The background work of the service: one task for each thing that goes on without a request."""

import os
import socket
import threading
from functools import partial
from typing import TypeVar

import httpx
from sqlalchemy.orm import Session

from alerting.bootstrap.current_services import CurrentServices, FollowingPart, watch_options
from alerting.bootstrap.gateways import build_channels
from alerting.cases.case_accounts import CaseAccounts
from alerting.cases.history.case_event_exporter import CaseEventExporter
from alerting.cases.lifecycle import TEXT_ONLY
from alerting.cases.text_records import close_text
from alerting.cases.timers.timer_schedule import DEADLINE, DISPATCH, FOLLOW_UP, ORDERS
from alerting.cases.timers.timer_worker import TimerWorker
from alerting.cases.visits.visit_watch import VisitWatch
from alerting.db.case_tables import Case
from alerting.ingest.rejected_warnings import rejecter
from alerting.jobs.audit_chain_check import AuditChainCheck
from alerting.jobs.retention import Retention, RetentionOptions
from alerting.linkage.contact_index import ContactIndex
from alerting.linkage.sweeper import Sweeper, SweepOptions
from alerting.messaging.background_task import BackgroundTask
from alerting.messaging.outbox_sender import OutboxSender, Producer
from alerting.messaging.topic_reader import TopicReader, TopicRecord
from alerting.notify.channels.circuit_breaker import Breakers
from alerting.notify.dispatch.delivery_sender import DeliverySender, DeliverySenderOptions
from alerting.notify.notices.notice_watch import NoticeWatch
from alerting.notify.notices.silence_watch import SilenceWatch
from alerting.notify.rota.gap_watch import GapWatch
from alerting.notify.webhooks.webhook_sender import WebhookSender
from alerting.notify.webhooks.webhook_targets import webhook_targets
from alerting.web.service_container import Services
from forewarn.contracts.topics import qualified
from forewarn.platform.settings import AlertingSettings, KafkaSettings
from forewarn.telemetry.tracing import Tracer

LIST_EXPIRY_SECONDS = 5.0
INDEX_BATCH = 2_000
INDEX_FETCH_BYTES, INDEX_FETCH_WAIT_MS = 256 * 1024, 500
"""The contact index is half a second old at most; with a transaction for each fetch of a steady stream it would take
more processor time than all warnings."""

Watch = TypeVar("Watch", bound=NoticeWatch)


def database_tasks(current: CurrentServices, tracer: Tracer) -> list[BackgroundTask]:
    """Tasks that need the database and the gateways, but not Kafka."""
    settings, services = current.pair
    owner = replica_name(settings)
    sender = FollowingPart(current, delivery_sender)
    timers = FollowingPart(current, timer_worker)
    exporter = CaseEventExporter(services.db, services.clock, tracer, owner=owner)
    audit = AuditChainCheck(services.db, services.clock, owner=owner)

    gap_watcher = FollowingPart(current, partial(notice_watch, GapWatch))
    webhooks = FollowingPart(current, webhook_sender)
    visits = FollowingPart(current, partial(notice_watch, VisitWatch))
    silences = FollowingPart(current, partial(notice_watch, SilenceWatch))

    def sweep(stop: threading.Event) -> float:
        return sweeper(*current.pair).turn(stop)

    def remove_old_data(stop: threading.Event) -> float:
        return retention(*current.pair).turn(stop)

    def expire_lists(_stop: object) -> float:
        return 0.0 if services.lists.expire() else LIST_EXPIRY_SECONDS

    return [
        BackgroundTask("timers", timers.turn, on_stop=timers.close),
        BackgroundTask("deliveries", sender.turn, on_stop=sender.close),
        BackgroundTask("sweeps", sweep),
        BackgroundTask("lists", expire_lists),
        BackgroundTask("routing", services.routing.turn),
        BackgroundTask("playbooks", services.playbooks.turn),
        BackgroundTask("rotas", gap_watcher.turn),
        BackgroundTask("visits", visits.turn),
        BackgroundTask("silences", silences.turn),
        BackgroundTask("webhooks", webhooks.turn, on_stop=webhooks.close),
        BackgroundTask("options", watch_options(current).turn),
        BackgroundTask("retention", remove_old_data),
        BackgroundTask("audit", audit.turn),
        BackgroundTask("case_events", exporter.turn, on_stop=exporter.close),
    ]


def kafka_tasks(current: CurrentServices, kafka: KafkaSettings) -> list[BackgroundTask]:
    """Tasks that read warnings, calls and transfers from Kafka, and send the outbox to it."""
    settings, services = current.pair
    sender = OutboxSender(
        services.db, Producer(kafka), services.clock, owner=replica_name(settings)
    )
    letters = Producer(kafka)
    reject = rejecter(letters, services.clock)
    reader = TopicReader(
        kafka,
        [qualified("warnings", kafka)],
        settings.consumer_group,
        lambda records: current.pair[1].ingestor.handle(records, reject),
    )
    tasks = [
        _reading("warnings", reader, letters),
        BackgroundTask("outbox", sender.turn, on_stop=sender.close),
    ]
    if settings.index_enabled:
        tasks.append(_contact_index_task(current, kafka))
    return tasks


def replica_name(settings: AlertingSettings) -> str:
    """The name of this replica in leases."""
    return settings.replica or f"{socket.gethostname()}-{os.getpid()}"


def timer_worker(settings: AlertingSettings, services: Services) -> TimerWorker:
    """Acts on due timers of cases."""
    accounts = CaseAccounts(services.zone)

    def deadline(session: Session, case: Case, now_ms: int) -> int | None:
        if case.state == TEXT_ONLY:
            close_text(session, case, accounts, now_ms)
            return None
        return services.dispatch.deadline(session, case, now_ms)

    return TimerWorker(
        services.db,
        services.clock,
        {
            DISPATCH: services.dispatch.dispatch,
            DEADLINE: deadline,
            FOLLOW_UP: services.dispatch.follow_up,
            ORDERS: services.order_clock.turn,
        },
        tick_seconds=settings.options.timers.tick_seconds,
        threads=settings.options.timers.threads,
    )


def delivery_sender(settings: AlertingSettings, services: Services) -> DeliverySender:
    """Sends the deliveries that the dispatch service wrote."""
    return DeliverySender(
        services.db,
        services.clock,
        build_channels(settings, services.routing, services.clock),
        Breakers(),
        DeliverySenderOptions(
            owner=replica_name(settings),
            lease_seconds=settings.options.gateways.lease_seconds,
            max_attempts=settings.options.gateways.attempts,
            link_of=lambda delivery_id: services.page_answers.address(
                settings.public_url, delivery_id
            ),
        ),
    )


def notice_watch(kind: type[Watch], settings: AlertingSettings, services: Services) -> Watch:
    """A watch of one kind: of gaps in rotas, of return visits or of silences."""
    return kind(
        services.db,
        services.clock,
        services.routing,
        services.notices,
        services.zone,
        owner=replica_name(settings),
    )


def webhook_sender(settings: AlertingSettings, services: Services) -> WebhookSender:
    """Sends steps of the lives of cases to other systems."""
    return WebhookSender(
        services.db,
        services.clock,
        webhook_targets(settings),
        httpx.Client(timeout=settings.options.gateways.timeout_seconds, follow_redirects=False),
        owner=replica_name(settings),
    )


def sweeper(settings: AlertingSettings, services: Services) -> Sweeper:
    """Carries out the sweeps that closures request."""
    options = settings.options
    return Sweeper(
        services.db,
        services.clock,
        services.lists,
        SweepOptions(
            can_text=bool(options.gateways.sms_url),
            language=options.messages.language,
            quiet_days=options.sweeps.quiet_days,
            budget_per_day=options.messages.person_budget_per_day,
            max_contacts=options.sweeps.max_contacts,
        ),
    )


def retention(settings: AlertingSettings, services: Services) -> Retention:
    """Removes personal data whose time has passed."""
    return Retention(
        services.db,
        services.clock,
        RetentionOptions(**settings.options.retention.model_dump()),
        owner=replica_name(settings),
    )


def _contact_index_task(current: CurrentServices, kafka: KafkaSettings) -> BackgroundTask:
    transfers = qualified("transfers", kafka)
    letters = Producer(kafka)
    settings, _ = current.pair

    def handle(records: list[TopicRecord]) -> None:
        settings, services = current.pair
        window_seconds = settings.options.cases.attribution_window_seconds
        ContactIndex(
            services.db,
            services.clock,
            services.late_losses,
            transfers_topic=transfers,
            attribution_window_ms=window_seconds * 1000,
            reject=rejecter(letters, services.clock),
        ).handle(records)

    reader = TopicReader(
        kafka,
        [qualified("calls", kafka), transfers],
        f"{settings.consumer_group}-index",  # warnings must never wait behind calls
        handle,
        batch_records=INDEX_BATCH,
        fetch_bytes=INDEX_FETCH_BYTES,
        fetch_wait_ms=INDEX_FETCH_WAIT_MS,
    )
    return _reading("index", reader, letters)


def _reading(name: str, reader: TopicReader, letters: Producer) -> BackgroundTask:
    """The task of a reader that files dead letters with a producer of its own."""

    def stop() -> None:
        reader.close()
        letters.close()

    return BackgroundTask(name, reader.turn, on_stop=stop)
