"""Puts the service together from its settings; the one composition root of alerting."""

from dataclasses import dataclass

import structlog
from fastapi import FastAPI

from alerting.access.access_control import AccessControl
from alerting.bootstrap.access_components import build_access
from alerting.bootstrap.background_tasks import database_tasks, kafka_tasks
from alerting.bootstrap.current_services import CurrentServices
from alerting.bootstrap.gateways import build_channels
from alerting.bootstrap.service_layer import build_services
from alerting.cases.playbooks.playbook_file import PlaybookSource
from alerting.db import migrate
from alerting.db.database import Database, unverified_host
from alerting.notify.routing.routing_source import RoutingSource
from alerting.notify.webhooks.webhook_targets import webhook_targets
from alerting.web.application import create_app
from alerting.web.console import ConsoleOptions, mount_console
from alerting.web.service_container import Services
from forewarn.platform.clock import Clock, system_clock
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.platform.settings import (
    AlertingOptions,
    AlertingSettings,
    KafkaSettings,
    PrivacySettings,
)
from forewarn.platform.settings.access_settings import AccessSettings
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
    routing = RoutingSource(alerting.routing_file, clock)
    playbooks = PlaybookSource(alerting.playbooks_file)

    def build(chosen: AlertingSettings) -> Services:
        build_channels(chosen, routing, clock)  # refuses gateways that could not be used
        webhook_targets(chosen)  # refuses webhooks that could not be signed
        return build_services(chosen, db, clock, pseudonymiser, routing, playbooks)

    current = CurrentServices(alerting, build)
    tracer = open_tracer(settings.trace.endpoint, "forewarn-alerting")
    tasks = database_tasks(current, tracer)
    if alerting.kafka_enabled:
        tasks += kafka_tasks(current, settings.kafka)

    def access_for(chosen: AlertingSettings) -> AccessControl:
        return build_access(
            settings=settings.access,
            sessions=chosen.options.sessions,
            claims=chosen.options.claims,
            database=db,
            public_url=chosen.public_url,
            service_key=chosen.api_key.get_secret_value(),
            clock=clock,
        )

    chosen, services = current.pair
    app = create_app(
        services,
        access_for(chosen),
        tasks=tasks,
        prepare=lambda app: mount_console(app, console_options(chosen.options)),
    )

    def follow(changed: AlertingSettings, built: Services) -> None:
        # Requests read these once each, so every request sees options that belong together.
        app.state.access = access_for(changed)
        app.state.console_options = console_options(changed.options)
        app.state.services = built

    current.on_change = follow
    return app


def console_options(options: AlertingOptions) -> ConsoleOptions:
    """How the console presents itself."""
    console = options.console
    return ConsoleOptions(
        language=console.language,
        currency=console.currency,
        target_minor=console.daily_target_minor,
    )


def open_database(url: str) -> Database:
    """Open the database and bring it to the newest schema."""
    db = Database(url)
    host = unverified_host(db.url)
    if host:
        _log.warning("database_not_verified", host=host, hint="add ?sslmode=verify-full to its URL")
    migrate.upgrade(db)
    return db
