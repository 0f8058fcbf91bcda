"""Puts the service together from its settings: a composition root, called by the command line."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import structlog
from fastapi import FastAPI

from alerting.bootstrap.access_components import build_access
from alerting.bootstrap.application import create_app
from alerting.bootstrap.components import build_services, database_loops, kafka_loops, trail_loop
from alerting.db import migrate
from alerting.db.database import Database, unverified_host
from alerting.web.console import ConsoleServices, mount_console
from forewarn.platform.clock import Clock, system_clock
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.platform.settings import AlertingSettings, KafkaSettings, PrivacySettings
from forewarn.platform.settings.access_settings import AccessSettings
from forewarn.platform.settings.console_settings import ConsoleSettings
from forewarn.platform.settings.trace_settings import TraceSettings
from forewarn.telemetry.tracing import open_tracer

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """The sections that the service is built from."""

    alerting: AlertingSettings
    kafka: KafkaSettings
    access: AccessSettings
    privacy: PrivacySettings
    console: ConsoleSettings
    trace: TraceSettings


def build_app(settings: Settings, clock: Clock = system_clock) -> FastAPI:
    """The whole service: database at its newest schema, background work, API and console."""
    alerting = settings.alerting
    db = Database(alerting.database_url)
    host = unverified_host(db.url)
    if host:
        _log.warning("database_not_verified", host=host, hint="add ?sslmode=verify-full to its URL")
    migrate.upgrade(db)
    key = settings.privacy.pseudonym_key.get_secret_value()
    services = build_services(alerting, db, clock, Pseudonymiser(key.encode()))
    access = build_access(
        settings=settings.access,
        database=db,
        public_url=alerting.public_url,
        service_key=alerting.api_key.get_secret_value(),
        clock=clock,
    )
    tracer = open_tracer(settings.trace.endpoint, "forewarn-alerting")
    loops = [*database_loops(alerting, services), trail_loop(alerting, services, tracer)]
    if alerting.kafka_enabled:
        loops += kafka_loops(alerting, settings.kafka, services)
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
