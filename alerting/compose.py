"""Puts the service together from its settings: a composition root, called by the command line."""

import os
import socket
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from fastapi import FastAPI

from alerting.access.build import build_access
from alerting.app import create_app
from alerting.cases.closing import ClosingDesk
from alerting.cases.queries import CaseQueries
from alerting.cases.severity import Deadlines
from alerting.clock import Clock, system_clock
from alerting.console import ConsoleServices, mount_console
from alerting.db import migrate
from alerting.db.engine import Database
from alerting.ingest import IngestRules
from alerting.ingest.dead_letters import rejecter
from alerting.ingest.ingestor import Ingestor
from alerting.links.loop import Loop
from alerting.links.reader import TopicReader
from alerting.links.sender import OutboxSender, Producer
from alerting.services import Services
from forewarn.settings import AlertingSettings, KafkaSettings
from forewarn.settings.access import AccessSettings
from forewarn.settings.console import ConsoleSettings
from forewarn.topics import qualified


@dataclass(frozen=True, slots=True)
class Settings:
    """The sections that the service is built from."""

    alerting: AlertingSettings
    kafka: KafkaSettings
    access: AccessSettings
    console: ConsoleSettings


def build_services(settings: AlertingSettings, db: Database, clock: Clock) -> Services:
    """The service layer over a database."""
    zone = ZoneInfo(settings.report_timezone)
    window_ms = settings.attribution_window_seconds * 1000
    rules = IngestRules(
        deadlines=deadlines(settings),
        correlation_window_ms=settings.correlation_window_seconds * 1000,
        zone=zone,
    )
    desk = ClosingDesk(db, clock, zone=zone, window_ms=window_ms)
    return Services(
        db=db,
        clock=clock,
        desk=desk,
        cases=CaseQueries(db),
        ingestor=Ingestor(db, clock, rules, desk, attribution_window_ms=window_ms),
    )


def deadlines(settings: AlertingSettings) -> Deadlines:
    """Time to first response per severity."""
    return Deadlines(
        critical_seconds=settings.critical_deadline_seconds,
        high_seconds=settings.high_deadline_seconds,
        medium_seconds=settings.medium_deadline_seconds,
    )


def build_app(settings: Settings, clock: Clock = system_clock) -> FastAPI:
    """The whole service: database at its newest schema, background work, API and console."""
    alerting = settings.alerting
    db = Database(alerting.database_url)
    migrate.upgrade(db)
    services = build_services(alerting, db, clock)
    access = build_access(
        settings=settings.access,
        database=db,
        public_url=alerting.public_url,
        service_key=alerting.api_key.get_secret_value(),
        clock=clock,
    )
    loops = kafka_loops(settings, services) if alerting.kafka_enabled else []
    console = ConsoleServices(
        database=db,
        desk=services.desk,
        clock=clock,
        zone=ZoneInfo(alerting.report_timezone),
        language=settings.console.language,
        currency=settings.console.currency,
        target_minor=settings.console.daily_target_minor,
    )
    return create_app(
        services, access, loops=loops, prepare=lambda app: mount_console(app, console)
    )


def kafka_loops(settings: Settings, services: Services) -> list[Loop]:
    """The threads that read warnings and send what stands in the outbox."""
    alerting, kafka = settings.alerting, settings.kafka
    replica = alerting.replica or f"{socket.gethostname()}-{os.getpid()}"
    sender = OutboxSender(services.db, Producer(kafka), services.clock, owner=replica)
    reject = rejecter(Producer(kafka), services.clock)
    reader = TopicReader(
        kafka,
        [qualified("warnings", kafka)],
        alerting.consumer_group,
        lambda records: services.ingestor.handle(records, reject),
    )
    return [
        Loop("warnings", reader.turn, on_stop=reader.close),
        Loop("outbox", sender.turn, on_stop=sender.close),
    ]
