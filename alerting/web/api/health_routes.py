"""Routes of probes and metrics, on a port of their own; they name no case and need no key."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_1_0_0

from alerting.db.database import Database
from alerting.messaging.background_task import BackgroundTask
from forewarn.errors import ForewarnError

router = APIRouter(include_in_schema=False)


@dataclass(slots=True)
class ServiceHealth:
    """The state that the probes report.

    *Live* depends on the process alone, since a restart repairs neither Kafka nor the database.
    *Ready* depends on the database, which every page needs.
    """

    db: Database
    tasks: Sequence[BackgroundTask]
    started: Callable[[], bool]

    def startup(self) -> list[str]:
        """Reasons why the service has not started; empty if it has."""
        return [] if self.started() else ["starting"]

    def live(self) -> list[str]:
        """Background tasks whose thread died."""
        return [f"{task.name}_stopped" for task in self.tasks if self.started() and not task.alive]

    def ready(self) -> list[str]:
        """Why no request should come here; empty if it may."""
        faults = self.startup()
        try:
            self.db.ping()
        except ForewarnError:
            faults.append("database_unreachable")
        return faults

    def notes(self) -> dict[str, str]:
        """Faults of background tasks; the service stays ready in spite of them."""
        return {task.name: task.fault for task in self.tasks if task.fault}


@router.get("/healthz/{probe}")
async def probe(request: Request, probe: str) -> Response:
    """Startup, readiness or liveness; 503 with the reasons if not."""
    health: ServiceHealth = request.app.state.health
    checks = {"startup": health.startup, "ready": health.ready, "live": health.live}
    if probe not in checks:
        return JSONResponse({"status": "unknown", "reasons": ["no_such_probe"]}, 404)
    reasons = await run_in_threadpool(checks[probe])
    body = {"status": "failing" if reasons else "ok", "reasons": reasons, "notes": health.notes()}
    return JSONResponse(body, 503 if reasons else 200)


@router.get("/metrics")
def metrics() -> Response:
    """Everything in the process's Prometheus registry."""
    return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_PLAIN_1_0_0)
