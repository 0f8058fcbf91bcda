"""Puts the service together from its settings; the one composition root of alerting."""

from dataclasses import dataclass

import structlog
from fastapi import FastAPI

from alerting.bootstrap.access_components import build_access
from alerting.bootstrap.background_tasks import database_tasks, kafka_tasks
from alerting.bootstrap.service_layer import build_services
from alerting.db import migrate
from alerting.db.database import Database, unverified_host
from alerting.web.application import create_app
from alerting.web.console import ConsoleOptions, mount_console
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
    """The sections of the settings that the service is built from."""

    alerting: AlertingSettings
    kafka: KafkaSettings
    access: AccessSettings
    privacy: PrivacySettings
    console: ConsoleSettings
    trace: TraceSettings


def build_app(settings: Settings, clock: Clock = system_clock) -> FastAPI:
    """Build the whole service: database, service layer, access, background tasks, API and console.

    Args:
        settings: every section that the service needs.
        clock: UTC milliseconds.

    Raises:
        ConfigurationError: a setting, the routing file or a secret is not valid.
        DependencyUnavailableError: the database does not answer.
    """
    alerting = settings.alerting
    db = open_database(alerting.database_url)
    pseudonymiser = Pseudonymiser(settings.privacy.pseudonym_key.get_secret_value().encode())
    services = build_services(alerting, db, clock, pseudonymiser)
    access = build_access(
        settings=settings.access,
        database=db,
        public_url=alerting.public_url,
        service_key=alerting.api_key.get_secret_value(),
        clock=clock,
    )
    tracer = open_tracer(settings.trace.endpoint, "forewarn-alerting")
    tasks = database_tasks(alerting, services, tracer)
    if alerting.kafka_enabled:
        tasks += kafka_tasks(alerting, settings.kafka, services)
    console = ConsoleOptions(
        language=settings.console.language,
        currency=settings.console.currency,
        target_minor=settings.console.daily_target_minor,
    )
    return create_app(
        services, access, tasks=tasks, prepare=lambda app: mount_console(app, console)
    )


def open_database(url: str) -> Database:
    """Open the database and bring it to the newest schema."""
    db = Database(url)
    host = unverified_host(db.url)
    if host:
        _log.warning("database_not_verified", host=host, hint="add ?sslmode=verify-full to its URL")
    migrate.upgrade(db)
    return db
