"""Probes and metrics of the decision service, on a port of their own and without keys."""

from collections.abc import Callable

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_1_0_0

Faults = Callable[[], list[str]]


def probe_application(
    registry: CollectorRegistry, *, started: Faults, ready: Faults, live: Faults
) -> web.Application:
    """The application of the second port.

    Args:
        registry: the metrics to serve.
        started, ready, live: reasons why a probe fails; empty if it passes.
    """
    probes = {"startup": started, "ready": ready, "live": live}

    async def probe(request: web.Request) -> web.Response:
        check = probes.get(request.match_info["probe"])
        reasons = ["no_such_probe"] if check is None else check()
        status = 404 if check is None else 503 if reasons else 200
        return web.json_response(
            {"status": "failing" if reasons else "ok", "reasons": reasons}, status=status
        )

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_PLAIN_1_0_0}
        )

    app = web.Application()
    app.router.add_get("/healthz/{probe}", probe)
    app.router.add_get("/metrics", metrics)
    return app
