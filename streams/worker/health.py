"""Startup, readiness and liveness probes, with the reasons of a failure.

``judge`` is a pure function from facts to a verdict with named reasons. The worker's loop sets the
facts, and an HTTP server in its own thread reads them, so that a hanging loop is detected. Liveness
never depends on Kafka or Redis: restarting a worker repairs neither, and would turn their outage
into a series of rebalances.
"""

import asyncio
import json
import threading
import time
from dataclasses import asdict, dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from streams.worker.consumer_lag import OldestRecord

Probe = Literal["startup", "ready", "live"]

PROBES: tuple[Probe, ...] = ("startup", "ready", "live")


@dataclass(frozen=True, slots=True)
class HealthFacts:
    """Facts for the probes; times are monotonic seconds.

    Attributes:
        beat_at: when the event loop last ran its heartbeat.
        model_loaded: a model has been loaded since the start.
        joined: the group has given an assignment since the start (an empty one counts).
        partitions: how many partitions are assigned now.
        rebalancing: partitions are being revoked or assigned.
        redis_reachable: the last command, or the last ping, was answered.
        draining: a stop was requested; the worker takes no new events.
        stuck_since: when the batches in hand last moved; None with none in hand.
        consuming_at: when a fetch last returned (also empty), or was impossible for a reason that
            a restart does not repair; None before the worker has started.
        oldest: the partition that is most behind, shown with every answer. It fails no probe: a worker that
            catches up is healthy, and a restart would not make it faster.
    """

    beat_at: float
    model_loaded: bool = False
    joined: bool = False
    partitions: int = 0
    rebalancing: bool = False
    redis_reachable: bool = False
    draining: bool = False
    stuck_since: float | None = None
    consuming_at: float | None = None
    oldest: OldestRecord | None = None


@dataclass(frozen=True, slots=True)
class HealthBounds:
    """Seconds after which silence is a failure.

    Attributes:
        loop_seconds: the event loop has not run; above the longest step that may block it.
        stuck_seconds: a batch is in hand and has not moved; a waiting retry counts as a move.
        silent_seconds: no fetch was made, although Kafka answers: a rebalance that never ends, or
            a dead consumer thread. Well above the longest rebalance.
    """

    loop_seconds: float = 15.0
    stuck_seconds: float = 60.0
    silent_seconds: float = 240.0


@dataclass(frozen=True, slots=True)
class HealthVerdict:
    """Whether a probe passes, and every reason why it does not."""

    passes: bool
    reasons: tuple[str, ...]


def judge(probe: Probe, facts: HealthFacts, bounds: HealthBounds, now: float) -> HealthVerdict:
    """Decide one probe.

    Args:
        probe: which one.
        facts: the latest.
        bounds: the time limits.
        now: monotonic seconds on the same clock as the facts.
    """
    loop_hangs = now - facts.beat_at > bounds.loop_seconds
    stuck = facts.stuck_since is not None and now - facts.stuck_since > bounds.stuck_seconds
    silent = facts.consuming_at is not None and now - facts.consuming_at > bounds.silent_seconds
    faults: dict[Probe, dict[str, bool]] = {
        "live": {"loop_hangs": loop_hangs, "work_is_stuck": stuck, "consumes_nothing": silent},
        "startup": {"no_model": not facts.model_loaded, "not_in_group": not facts.joined},
        "ready": {
            "loop_hangs": loop_hangs,
            "work_is_stuck": stuck,
            "consumes_nothing": silent,
            "no_model": not facts.model_loaded,
            "not_in_group": not facts.joined,
            "rebalancing": facts.rebalancing,
            "redis_unreachable": not facts.redis_reachable,
            "draining": facts.draining,
        },
    }
    reasons = tuple(name for name, is_so in faults[probe].items() if is_so)
    return HealthVerdict(passes=not reasons, reasons=reasons)


class WorkerHealth:
    """The facts of one worker, safe to set in one thread and to read in another.

    Args:
        bounds: the time limits of ``judge``.
    """

    def __init__(self, bounds: HealthBounds | None = None) -> None:
        self.bounds = bounds or HealthBounds()
        self._facts = HealthFacts(beat_at=time.monotonic())

    @property
    def facts(self) -> HealthFacts:
        """The present facts, as an immutable value."""
        return self._facts

    def update(self, **facts: Any) -> None:
        """Replace facts by the names of ``HealthFacts``; only one thread may call this."""
        self._facts = replace(self._facts, **facts)

    def verdict(self, probe: Probe) -> HealthVerdict:
        """``judge`` by the present facts and the monotonic clock."""
        return judge(probe, self._facts, self.bounds, time.monotonic())

    async def beat(self, interval_seconds: float = 1.0) -> None:
        """Record a heartbeat of the event loop at each interval, for as long as it runs."""
        while True:
            self.update(beat_at=time.monotonic())
            await asyncio.sleep(interval_seconds)


class HealthServer:
    """Serves ``/startup``, ``/ready``, ``/live`` and ``/metrics`` from its own thread.

    ``/metrics?name[]=...`` answers with the named metrics only, as Prometheus's own client does.

    A passing probe is 200, a failing one 503; both give reasons in JSON. Start it before all other
    parts of the worker: a refused connection cannot distinguish a starting worker from a dead one.

    Args:
        health: the facts.
        registry: the metrics to serve.
        host: address to listen on.
        port: 0 for any free one; see ``port`` after ``start``.
    """

    def __init__(
        self, health: WorkerHealth, registry: CollectorRegistry, *, host: str, port: int
    ) -> None:
        self._health = health
        self._registry = registry
        self._address = (host, port)
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port that is served; raises RuntimeError before ``start``."""
        if self._server is None:
            raise RuntimeError("the health server was not started")
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Listen; raises OSError if the port is in use."""
        self._server = _Server(self._address, _handler(self._health, self._registry))
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="health", daemon=True, args=(0.1,)
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop listening; the worker calls it last."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 16


def _handler(health: WorkerHealth, registry: CollectorRegistry) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 5.0  # a silent client must not hold its thread

        def do_GET(self) -> None:
            address = urlsplit(self.path)
            path = address.path.strip("/")
            if path in PROBES:
                verdict = health.verdict(path)
                facts = health.facts
                body: dict[str, object] = {
                    "passes": verdict.passes,
                    "reasons": verdict.reasons,
                    "partitions": facts.partitions,
                }
                if facts.oldest is not None:
                    body["oldest_record"] = asdict(facts.oldest)
                status = 200 if verdict.passes else 503
                self._answer(status, "application/json", json.dumps(body).encode())
            elif path == "metrics":
                encode, content_type = choose_encoder(self.headers.get("Accept", ""))
                names = parse_qs(address.query).get("name[]")
                chosen = registry.restricted_registry(names) if names else registry
                self._answer(200, content_type, encode(chosen))
            else:
                known = ", ".join(f"/{name}" for name in (*PROBES, "metrics"))
                self._answer(404, "text/plain", f"There are {known}.\n".encode())

        def _answer(self, status: int, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  http.server's name
            """Log nothing: probes come every few seconds."""

    return Handler
