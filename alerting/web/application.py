"""The HTTP application: routes, middleware and error handlers over the service layer."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.openapi.utils import get_openapi
from prometheus_client import REGISTRY, CollectorRegistry

from alerting.access.access_control import AccessControl
from alerting.messaging.background_task import BackgroundTask
from alerting.orders.order_figures import OrderCollector
from alerting.service_metrics import DatabaseCollector
from alerting.web.api import (
    appeal_routes,
    case_routes,
    desk_routes,
    evidence_routes,
    health_routes,
    money_routes,
    operation_routes,
    order_routes,
    patrol_feed_routes,
    playbook_routes,
    problem_documents,
    report_routes,
    review_routes,
    rota_routes,
    sweep_routes,
    visit_routes,
    warning_routes,
    webhook_routes,
)
from alerting.web.api.body_limit import BodyLimit
from alerting.web.api.health_routes import ServiceHealth
from alerting.web.api.warning_intake import WarningIntake
from alerting.web.auth.security_headers import SecurityHeaders
from alerting.web.service_container import Services
from forewarn import __version__


def create_app(
    services: Services,
    access: AccessControl,
    *,
    tasks: Sequence[BackgroundTask] = (),
    prepare: Callable[[FastAPI], None] = lambda _app: None,
    registry: CollectorRegistry = REGISTRY,
) -> FastAPI:
    """Build the application.

    Args:
        services: the service layer.
        access: decides who may do what.
        tasks: background threads, started and stopped with the application.
        prepare: mounts the console, whose static files are not a router.
        registry: holds the figures from the database while the application runs.
    """
    app = FastAPI(
        title="Forewarn alerting",
        version=__version__,
        description="Cases, deliveries, lists and reports. Money is in minor units, times are UTC"
        " milliseconds, errors are RFC 9457 problem documents.",
        lifespan=partial(_lifespan, registry=registry),
        docs_url=None,  # the pages would load scripts from elsewhere; /openapi.json is what counts
        redoc_url=None,
        # Its spans would hold paths, which hold case ids; ours are of `forewarn.telemetry`.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    bind(app, services, access, tasks=tasks)
    problem_documents.install(app)
    # Another site can ask for a page only by a navigation that the person sees (SameSite), which
    # leaves no room for guesses by the length of a compressed answer. Streams of events are left out.
    app.add_middleware(GZipMiddleware, minimum_size=1_000, compresslevel=5)
    app.add_middleware(BodyLimit)
    app.add_middleware(SecurityHeaders, https=access.https)
    for router in (
        warning_routes.warning_router,  # the most frequent request is looked up first
        warning_routes.router,
        desk_routes.router,  # before the routes of one case: /cases/bulk is none
        case_routes.router,
        operation_routes.router,
        order_routes.router,
        appeal_routes.router,
        money_routes.router,
        evidence_routes.router,
        sweep_routes.router,
        report_routes.router,
        rota_routes.router,
        visit_routes.router,
        review_routes.router,
        playbook_routes.router,
        webhook_routes.router,
        patrol_feed_routes.router,
    ):
        app.include_router(router)
    prepare(app)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]  # as FastAPI documents it
    return app


def bind(
    app: FastAPI,
    services: Services,
    access: AccessControl,
    *,
    tasks: Sequence[BackgroundTask] = (),
) -> None:
    """Set what the routes work on; an application that is not running may be bound again."""
    app.state.services = services
    app.state.access = access
    app.state.tasks = tasks
    app.state.running = False
    app.state.health = ServiceHealth(services.db, tasks, lambda: app.state.running)
    app.state.warning_intake = WarningIntake(services)
    app.state.patrol_feed = patrol_feed_routes.hub_of(services)


@asynccontextmanager
async def _lifespan(app: FastAPI, *, registry: CollectorRegistry) -> AsyncIterator[None]:
    services: Services = app.state.services
    collector = DatabaseCollector(services.db, services.clock, services.zone)
    registry.register(collector)
    late_ms = services.orders.options.rules.confirm_ms
    orders = OrderCollector(services.db, services.clock, late_ms=late_ms)
    registry.register(orders)
    for task in app.state.tasks:
        task.start()
    app.state.running = True
    yield
    app.state.running = False
    registry.unregister(collector)
    registry.unregister(orders)
    for task in app.state.tasks:
        task.stop()


def create_probes(health_of: ServiceHealth) -> FastAPI:
    """The application of the second port: probes and metrics, without keys and without cases."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.state.health = health_of
    app.include_router(health_routes.router)
    return app


def _openapi(app: FastAPI) -> dict[str, object]:
    """FastAPI's document, with the schemas of the event structs."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
        )
        document.setdefault("components", {}).setdefault("schemas", {}).update(
            warning_routes.json_schemas()
        )
        app.openapi_schema = document
    return app.openapi_schema
