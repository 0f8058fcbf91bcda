"""Composition root of a worker: reads settings, builds every part, runs until it is stopped."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import structlog
from kafka import KafkaAdminClient
from prometheus_client import REGISTRY

from features.catalog import CATALOG
from features.engine import Engine
from features.store import StateStore
from features.store.store_factory import meaning_of, redis_state_store
from forewarn.contracts.topics import SOURCES, qualified
from forewarn.errors import ConfigurationError
from forewarn.platform.garbage_collector import exclude_permanent_objects
from forewarn.platform.kafka import (
    TopicAdministration,
    aiokafka_arguments,
    client_arguments,
    committed_offsets,
    explained,
    faust_credentials,
)
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.platform.settings import (
    KafkaSettings,
    ModelsSettings,
    PrivacySettings,
    RedisSettings,
    TraceSettings,
    WorkerSettings,
    load,
)
from forewarn.telemetry.tracing import open_tracer
from models.machine_code import precompile
from models.policy import DEFAULT_POLICY, Lists
from models.policy.district_budget import DistrictSpending
from models.registry import open_registry
from streams.model.lists_consumer import ListsConsumer
from streams.model.reloader import Reloader
from streams.pipeline.batch_processor import BatchProcessor
from streams.pipeline.commit import JournalCommit
from streams.pipeline.decide import Decider
from streams.pipeline.dependency_retry import DependencyRetry
from streams.pipeline.explain import Explainer, WarningBuilder
from streams.pipeline.job_computation import JobComputation
from streams.pipeline.job_report import JobReport
from streams.pipeline.messages import LiveFeatures, OutputTopics
from streams.pipeline.payment_answers import LINE_FEATURES, AnswerBuilder
from streams.pipeline.producer import OutputProducer
from streams.pipeline.quarantine import Quarantine
from streams.pipeline.score_monitor import ScoreMonitor
from streams.pipeline.state_io import StateIO
from streams.pipeline.tenant_usage import TenantUsage
from streams.worker.faust_app import create_app
from streams.worker.health import PROBES, HealthBounds, HealthServer, Probe, WorkerHealth
from streams.worker.runtime import Runtime
from streams.worker.shutdown import DrainingWorker
from streams.worker_metrics import WorkerMetrics

log = structlog.get_logger(__name__)

OUTPUT_BATCH_BYTES = 512 * 1024
"""Largest record batch of outputs: some hundred scores; under the broker's one mebibyte."""


def run_worker() -> None:
    """Build a worker from the settings and run it. Never returns; exits 0 after a clean drain.

    Raises:
        ForewarnError: something is missing or wrong before the first record was read.
    """
    kafka, settings = load(KafkaSettings), load(WorkerSettings)
    metrics = WorkerMetrics(REGISTRY)
    health = _serve_health(settings)
    for probe in PROBES:  # evaluated by the scrape itself: a hanging loop cannot answer
        metrics.probe.labels(probe).set_function(partial(_verdict, health, probe))
    with TopicAdministration(kafka) as administration:
        partitions = administration.require_copartitioned()
        administration.require_outputs(partitions)
    log.info("kernel_ready", seconds=round(precompile(), 2))  # before partitions are assigned
    reloader = _reloader(load(ModelsSettings), settings, metrics)
    redis = load(RedisSettings)
    pseudonymiser = _pseudonymiser()
    store = redis_state_store(redis, meaning=meaning_of(pseudonymiser))
    outputs = _output_producer(kafka, settings.lanes)
    # One object: the consumer changes it, and the decider reads it.
    lists = Lists()
    runtime = Runtime(
        settings,
        topics=_sources(kafka),
        partitions=partitions,
        store=store,
        new_store=not _has_consumed(kafka, settings.group),
        outputs=outputs,
        lists=ListsConsumer(lists, qualified("lists", kafka), aiokafka_arguments(kafka)),
        reloader=reloader,
        health=health,
        metrics=metrics,
        # A separate one: a registry that does not answer must not delay decisions.
        executor=ThreadPoolExecutor(max_workers=1, thread_name_prefix="reload"),
    )
    processor = _processor(
        kafka, settings, store, outputs, Engine(CATALOG, prefix=redis.key_prefix, form=lambda: store.form), lists, reloader,
        pseudonymiser, metrics, runtime, partitions,
    )  # fmt: skip
    app = create_app(kafka, settings, runtime, broker_options=_broker_options(kafka))
    runtime.attach(app, processor)
    exclude_permanent_objects()
    DrainingWorker(
        app,
        runtime,
        drain_seconds=settings.drain_seconds,
        on_drain=lambda: health.update(draining=True),
    ).execute_from_commandline()


def _processor(
    kafka: KafkaSettings,
    settings: WorkerSettings,
    store: StateStore,
    outputs: OutputProducer,
    engine: Engine,
    lists: Lists,
    reloader: Reloader,
    pseudonymiser: Pseudonymiser,
    metrics: WorkerMetrics,
    runtime: Runtime,
    partitions: int,
) -> BatchProcessor:
    """Build the pipeline of a batch."""
    live = LiveFeatures(
        on_call=CATALOG.slot("on_call_now"), forwarding_on=CATALOG.slot("forwarding_on")
    )
    retry = DependencyRetry(runtime.on_wait)
    state = StateIO(store, engine, metrics)
    return BatchProcessor(
        state=state,
        commit=JournalCommit(store, state, retry, metrics, settings.align_seconds),
        retry=retry,
        quarantine=Quarantine(
            computation=JobComputation(
                engine=engine,
                decider=Decider(lists, _spending(reloader), metrics),
                monitor=ScoreMonitor(metrics),
                builder=WarningBuilder(live, _sources(kafka)),
                pseudonymiser=pseudonymiser,
                metrics=metrics,
            ),
            withdraw=reloader.withdraw,
            sources=_sources(kafka),
            metrics=metrics,
        ),
        explainer=Explainer(
            ThreadPoolExecutor(max_workers=1, thread_name_prefix="explain"), metrics
        ),
        outputs=outputs,
        bundle=lambda: reloader.bundle,
        topics=_topics(kafka),
        answers=AnswerBuilder(
            qualified("answers", kafka),
            partitions,
            [CATALOG.slot(name) for name in LINE_FEATURES],
            _sources(kafka),
        ),
        metrics=metrics,
        report=JobReport(
            metrics,
            open_tracer(load(TraceSettings).endpoint, "forewarn-worker"),
            TenantUsage(metrics, lambda: reloader.bundle.policy.document.quotas),
        ),
    )


def _output_producer(kafka: KafkaSettings, lanes: int) -> OutputProducer:
    return OutputProducer(
        aiokafka_arguments(kafka)
        | {"linger_ms": 0, "max_batch_size": OUTPUT_BATCH_BYTES, "compression_type": "zstd"},
        connections=lanes,
    )


def _verdict(health: WorkerHealth, probe: Probe) -> float:
    return float(health.verdict(probe).passes)


def _serve_health(settings: WorkerSettings) -> WorkerHealth:
    """Serve probes and metrics first, so that a starting worker does not look dead."""
    health = WorkerHealth(HealthBounds(stuck_seconds=settings.stuck_seconds))
    server = HealthServer(health, REGISTRY, host=settings.health_host, port=settings.health_port)
    try:
        server.start()
    except OSError as error:
        raise ConfigurationError(
            f"port {settings.health_port} cannot be served: {error.strerror}.",
            hint="Set FOREWARN_WORKER_HEALTH_PORT to a free one, or to 0.",
        ) from error
    log.info("health_server_started", port=server.port)
    return health


def _reloader(models: ModelsSettings, settings: WorkerSettings, metrics: WorkerMetrics) -> Reloader:
    """Load the champion and the policy; later changes are followed."""
    reloader = Reloader(
        open_registry(models).current,
        settings.policy_file or DEFAULT_POLICY,
        fingerprint=CATALOG.fingerprint,
        signing_key=models.signing_key.get_secret_value().encode(),
        metrics=metrics,
    )
    reloader.start()
    return reloader


def _spending(reloader: Reloader) -> DistrictSpending:
    return DistrictSpending(reloader.bundle.policy.document.budgets.window_hours)


def _pseudonymiser() -> Pseudonymiser:
    return Pseudonymiser(load(PrivacySettings).pseudonym_key.get_secret_value().encode())


def _sources(kafka: KafkaSettings) -> tuple[str, ...]:
    return tuple(qualified(name, kafka) for name in SOURCES)


def _topics(kafka: KafkaSettings) -> OutputTopics:
    return OutputTopics(
        sources=_sources(kafka),
        warnings=qualified("warnings", kafka),
        scores=qualified("scores", kafka),
        dead_letters=qualified("dead-letters", kafka),
    )


def _broker_options(kafka: KafkaSettings) -> dict[str, object]:
    servers = kafka.bootstrap_servers.split(",")
    return {
        "broker": ";".join(f"chunked://{server}" for server in servers),
        "broker_credentials": faust_credentials(kafka),
    }


def _has_consumed(settings: KafkaSettings, group: str) -> bool:
    """Whether the group has committed offsets; if so, an empty store has lost its data."""
    with explained(settings):
        client = KafkaAdminClient(**client_arguments(settings))
        try:
            offsets = committed_offsets(
                client, group, timeout_seconds=settings.request_timeout_seconds
            )
        finally:
            client.close()
    return bool(offsets)
