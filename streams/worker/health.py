"""Probes that tell the truth: startup, readiness and liveness, and why.

``judge`` is a pure function from facts to a verdict with named reasons. The facts are set by the
worker's loop and read by an HTTP server in a thread of its own, so that a loop that hangs is seen
and cannot answer for itself. Liveness never depends on Kafka or Redis: restarting a worker mends
neither, and would turn an outage of theirs into a storm of rebalances.
"""

import asyncio
import json
import threading
import time
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

Probe = Literal["startup", "ready", "live"]

PROBES: tuple[Probe, ...] = ("startup", "ready", "live")


@dataclass(frozen=True, slots=True)
class HealthFacts:
    """What the probes go by; times are monotonic seconds.

    Attributes:
        beat_at: when the event loop last ran its heartbeat.
        model_loaded: a model has been loaded since the start.
        joined: the group has given an assignment since the start (an empty one counts).
        partitions: how many partitions are assigned now.
        rebalancing: partitions are being taken or given.
        redis_reachable: the last command, or the last ping, was answered.
        draining: a stop was asked for; no new work should come here.
        stuck_since: when the work in hand last moved, or None with none in hand.
        consuming_at: when something was last fetched (also nothing), or could not be for a reason
            that a restart does not mend; None before the worker has started.
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


@dataclass(frozen=True, slots=True)
class HealthBounds:
    """After how many seconds silence is a fault.

    Attributes:
        loop_seconds: the event loop has not run; above the longest step that may block it.
        stuck_seconds: work is in hand and has not moved, which a retry that waits counts as.
        silent_seconds: nothing was even asked for, though Kafka answers: a rebalance that never
            ends, or a reader that died. Well above the longest rebalance.
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
        facts: as last told.
        bounds: the time limits.
        now: monotonic seconds, of the same clock as the facts.
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
        """The facts as they are now; a value that does not change any more."""
        return self._facts

    def tell(self, **facts: Any) -> None:
        """Replace some facts, by the names of ``HealthFacts``; only one thread may call this."""
        self._facts = replace(self._facts, **facts)

    def verdict(self, probe: Probe) -> HealthVerdict:
        """``judge`` by the present facts and the monotonic clock."""
        return judge(probe, self._facts, self.bounds, time.monotonic())

    async def beat(self, interval_seconds: float = 1.0) -> None:
        """Run on the event loop for as long as it lives: each turn proves that it still turns."""
        while True:
            self.tell(beat_at=time.monotonic())
            await asyncio.sleep(interval_seconds)


class HealthServer:
    """Serves ``/startup``, ``/ready``, ``/live`` and ``/metrics`` from its own thread.

    A probe that passes is 200, one that fails 503; both say why in JSON. ``start`` before anything
    else of the worker: a probe that is refused a connection cannot tell starting from dead.

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
        """Listen; raises OSError if the port is taken."""
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
        timeout = 5.0  # a client that says nothing gives its thread back

        def do_GET(self) -> None:
            path = self.path.partition("?")[0].strip("/")
            if path in PROBES:
                verdict = health.verdict(path)
                facts = health.facts
                body = {
                    "passes": verdict.passes,
                    "reasons": verdict.reasons,
                    "partitions": facts.partitions,
                }
                status = 200 if verdict.passes else 503
                self._answer(status, "application/json", json.dumps(body).encode())
            elif path == "metrics":
                encode, content_type = choose_encoder(self.headers.get("Accept", ""))
                self._answer(200, content_type, encode(registry))
            else:
                known = ", ".join(f"/{name}" for name in (*PROBES, "metrics"))
                self._answer(404, "text/plain", f"There are {known}.\n".encode())

        def _answer(self, status: int, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  http.server's name
            """Say nothing: probes come every few seconds."""

    return Handler
