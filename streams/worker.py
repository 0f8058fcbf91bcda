"""The composition root of a worker: reads settings, builds every part, runs until told to stop."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import faust
import structlog
from kafka import KafkaAdminClient
from kafka.errors import KafkaError
from prometheus_client import REGISTRY

from features.catalog import CATALOG
from features.engine import Engine
from features.store.factory import redis_state_store
from forewarn.errors import ConfigurationError, DependencyUnavailableError
from forewarn.kafka import (
    TopicAdministration,
    aiokafka_arguments,
    client_arguments,
    committed_offsets,
    faust_credentials,
)
from forewarn.pseudonyms import Pseudonymiser
from forewarn.settings import (
    KafkaSettings,
    ModelsSettings,
    PrivacySettings,
    RedisSettings,
    WorkerSettings,
    load,
)
from forewarn.topics import SOURCES, TopicName, qualified
from models.policy import DEFAULT_POLICY, Lists
from models.policy.spending import DistrictSpending
from models.registry import open_registry
from streams.app import create_app
from streams.deciding import Deciding
from streams.health import Bounds, Health, HealthServer
from streams.lists import ListsReader
from streams.messages import Live
from streams.metrics import WorkerMetrics
from streams.outputs import Outputs
from streams.processor import BatchProcessor
from streams.reload import Reloader
from streams.runtime import Runtime
from streams.state import State
from streams.watching import Watching

log = structlog.get_logger(__name__)

OUTPUT_BATCH_BYTES = 512 * 1024
"""Largest record batch of outputs: some hundred scores; under the broker's one mebibyte."""


class DrainingWorker(faust.Worker):
    """Faust's worker with a bound on how long a stop may take."""

    def __init__(self, *args: Any, drain_seconds: float, on_drain: Callable[[], None]) -> None:
        super().__init__(*args, redirect_stdouts=False, quiet=True)
        self._drain_seconds = drain_seconds
        self._on_drain = on_drain

    def _setup_logging(self) -> None:
        """Do nothing: logging is in place, and Faust would take its handlers apart."""

    def _on_sigterm(self) -> None:
        self._begin_drain()
        super()._on_sigterm()

    def _on_sigint(self) -> None:
        self._begin_drain()
        super()._on_sigint()

    def _begin_drain(self) -> None:
        log.info("draining", bound_seconds=self._drain_seconds)
        self._on_drain()
        timer = threading.Timer(self._drain_seconds, _give_up)
        timer.daemon = True
        timer.start()


def run_worker() -> None:
    """Build a worker from the settings and run it; returns never, exits 0 after a clean drain.

    Raises:
        ForewarnError: something is missing or wrong before the first record was read.
    """
    kafka, redis = load(KafkaSettings), load(RedisSettings)
    settings, models = load(WorkerSettings), load(ModelsSettings)
    privacy = load(PrivacySettings)
    metrics = WorkerMetrics(REGISTRY)
    health = Health(Bounds(stuck_seconds=settings.stuck_seconds))
    server = HealthServer(health, REGISTRY, host=settings.health_host, port=settings.health_port)
    try:
        server.start()
    except OSError as error:
        raise ConfigurationError(
            f"port {settings.health_port} cannot be served: {error.strerror}.",
            hint="Set FOREWARN_WORKER_HEALTH_PORT to a free one, or to 0.",
        ) from error
    log.info("health_served", port=server.port)
    with TopicAdministration(kafka) as administration:
        administration.require_copartitioned()
    executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="explain")
    registry = open_registry(models)
    reloader = Reloader(
        registry.current,
        settings.policy_file or DEFAULT_POLICY,
        fingerprint=CATALOG.fingerprint,
        signing_key=models.signing_key.get_secret_value().encode(),
        metrics=metrics,
    )
    reloader.start()
    store = redis_state_store(redis)
    outputs = Outputs(
        aiokafka_arguments(kafka)
        | {"linger_ms": 0, "max_batch_size": OUTPUT_BATCH_BYTES, "compression_type": "zstd"}
    )
    topics = tuple(qualified(name, kafka) for name in SOURCES)
    lists = Lists()
    runtime = Runtime(
        settings,
        topics=topics,
        store=store,
        new_store=not _has_consumed(kafka, settings.group),
        outputs=outputs,
        lists=ListsReader(lists, qualified("lists", kafka), aiokafka_arguments(kafka)),
        reloader=reloader,
        health=health,
        metrics=metrics,
        executor=executor,
    )
    app = create_app(
        kafka,
        settings,
        runtime,
        broker_options={
            "broker": ";".join(f"chunked://{x}" for x in kafka.bootstrap_servers.split(",")),
            "broker_credentials": faust_credentials(kafka),
        },
    )
    pseudonymiser = Pseudonymiser(privacy.pseudonym_key.get_secret_value().encode())
    engine = Engine(CATALOG, prefix=redis.key_prefix)

    def name(topic: TopicName) -> str:
        return qualified(topic, kafka)

    processor = BatchProcessor(
        engine=engine,
        store=store,
        state=State(store, engine, metrics, settings.commit_attempts),
        deciding=Deciding(
            Lists(),
            DistrictSpending(reloader.brain.policy.document.budgets.window_hours),
            metrics,
            executor,
        ),
        watching=Watching(metrics),
        outputs=outputs,
        brain=lambda: reloader.brain,
        pseudonymiser=pseudonymiser,
        metrics=metrics,
        executor=executor,
        sources=topics,
        warnings_topic=name("warnings"),
        scores_topic=name("scores"),
        dead_letters_topic=name("dead-letters"),
        live=Live(
            on_call=CATALOG.names.index("on_call_now"),
            forwarding_on=CATALOG.names.index("forwarding_on"),
        ),
        align_seconds=settings.align_seconds,
        on_wait=runtime.on_wait,
    )
    runtime.attach(app, processor)
    DrainingWorker(
        app,
        runtime,
        drain_seconds=settings.drain_seconds,
        on_drain=lambda: health.tell(draining=True),
    ).execute_from_commandline()


def _has_consumed(settings: KafkaSettings, group: str) -> bool:
    """Whether the group has committed anything: then an empty store has lost its data."""
    try:
        client = KafkaAdminClient(**client_arguments(settings))
        try:
            offsets = committed_offsets(
                client, group, timeout_seconds=settings.request_timeout_seconds
            )
        finally:
            client.close()
    except KafkaError as error:
        raise DependencyUnavailableError(
            f"Kafka did not tell the offsets of group {group}: {error!r}."
        ) from error
    return bool(offsets)


def _give_up() -> None:
    """End the process: the drain has passed its bound, and the journal covers what is left."""
    log.error("drain_bound_passed")
    os._exit(1)
