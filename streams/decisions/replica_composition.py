"""Composition root of the decision service: reads settings, builds every part, runs until it is stopped."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import structlog
from prometheus_client import REGISTRY, CollectorRegistry

from features.catalog import CATALOG
from features.engine import Engine
from features.store.redis_connections import RedisConnection, connect
from features.store.store_factory import meaning_of, redis_state_store
from forewarn.contracts.topics import qualified
from forewarn.platform.kafka import aiokafka_arguments
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.platform.settings import (
    DecideSettings,
    KafkaSettings,
    ModelsSettings,
    PrivacySettings,
    RedisSettings,
    WorkerSettings,
    load,
)
from forewarn.platform.watched_file import WatchedFile
from models.machine_code import precompile
from models.policy import DEFAULT_POLICY, Lists
from models.registry import open_registry
from streams.decisions.answer_store import AnswerStore, QuestionNames
from streams.decisions.answer_words import prepare_words
from streams.decisions.bank_keys import NO_KEYS, KeyRing, load_keys
from streams.decisions.decision_desk import DecisionDesk
from streams.decisions.decision_metrics import DecisionMetrics
from streams.decisions.decision_routes import DecisionRoutes
from streams.decisions.late_spool import LateSpool
from streams.decisions.loop_delay import LoopDelay
from streams.decisions.question_link import QuestionLink
from streams.decisions.replica import DecisionReplica, Tell
from streams.decisions.state_reader import StateReader
from streams.decisions.unkept_answers import UnkeptAnswers
from streams.model.lists_consumer import ListsConsumer
from streams.model.reloader import Reloader
from streams.worker_metrics import WorkerMetrics

log = structlog.get_logger(__name__)


def run_replica(settings: DecideSettings, tell: Tell) -> None:
    """Build a replica from the settings and run it until it is stopped.

    Args:
        settings: of the service.
        tell: receives the addresses that it listens on.

    Raises:
        ForewarnError: something is missing or wrong before the first question.
    """
    kafka, redis, worker = load(KafkaSettings), load(RedisSettings), load(WorkerSettings)
    key = load(PrivacySettings).pseudonym_key.get_secret_value().encode()
    pseudonymiser, metrics = Pseudonymiser(key), DecisionMetrics(REGISTRY)
    precompile()
    reloader = _reloader(worker)
    lists = Lists()
    spool = LateSpool(settings.spool_dir, settings.spool_events, metrics)
    link = _link(settings, kafka)
    answers = _answers(settings, redis)
    unkept = UnkeptAnswers(answers, link.share, metrics)
    desk = DecisionDesk(
        link=link,
        store=answers,
        unkept=unkept,
        names=QuestionNames(key),
        spool=spool,
        policy=lambda: reloader.bundle.policy,
        metrics=metrics,
        in_flight=settings.in_flight,
        refuse_overload=settings.overload == "refuse",
    )
    state = redis_state_store(redis, meaning=meaning_of(pseudonymiser))
    keys, loop_delay = _keys(settings, metrics), LoopDelay(metrics)
    prepare_words()
    reader = StateReader(
        state,
        Engine(CATALOG, prefix=redis.key_prefix, form=lambda: state.form),
        pseudonymiser,
        bundle=lambda: reloader.bundle,
        lists=lists,
        executor=ThreadPoolExecutor(1, thread_name_prefix="what-if"),
    )
    replica = DecisionReplica(
        settings,
        link=link,
        answers=answers,
        unkept=unkept,
        state=state,
        lists=ListsConsumer(lists, qualified("lists", kafka), aiokafka_arguments(kafka)),
        desk=desk,
        routes=DecisionRoutes(
            desk=desk,
            reader=reader,
            keys=lambda: keys.current,
            acceptance=worker.acceptance,
            pseudonymiser=pseudonymiser,
            metrics=metrics,
            loop_delay=loop_delay,
            deadline_ms=settings.deadline_ms,
            deadline_ms_max=settings.deadline_ms_max,
            language=settings.language,
        ),
        spool=spool,
        keys=keys,
        reloader=reloader,
        metrics=metrics,
        loop_delay=loop_delay,
        tell=tell,
    )
    asyncio.run(replica.run())


def _link(settings: DecideSettings, kafka: KafkaSettings) -> QuestionLink:
    return QuestionLink(
        aiokafka_arguments(kafka),
        transfers=qualified("transfers", kafka),
        answers=qualified("answers", kafka),
        unkept=qualified("unkept-answers", kafka),
        partition=settings.answer_partition,
    )


def _answers(settings: DecideSettings, redis: RedisSettings) -> AnswerStore:
    return AnswerStore(
        _connection(redis),
        prefix=redis.key_prefix,
        keep_seconds=settings.answers_hours * 3600,
        timeout_seconds=settings.store_timeout_seconds,
    )


def _keys(settings: DecideSettings, metrics: DecisionMetrics) -> WatchedFile[KeyRing]:
    return WatchedFile(
        settings.keys_file,
        load_keys,
        default=NO_KEYS,
        name="bank_keys",
        on_refused=metrics.keys_refused.inc,
    )


def _reloader(worker: WorkerSettings) -> Reloader:
    """The model and the policy of the workers; their metrics are those of the workers."""
    models = load(ModelsSettings)
    reloader = Reloader(
        open_registry(models).current,
        worker.policy_file or DEFAULT_POLICY,
        fingerprint=CATALOG.fingerprint,
        signing_key=models.signing_key.get_secret_value().encode(),
        metrics=WorkerMetrics(CollectorRegistry()),
    )
    reloader.start()
    return reloader


def _connection(redis: RedisSettings) -> RedisConnection:
    return connect(
        redis.url,
        cluster=redis.cluster,
        timeout_seconds=redis.timeout_seconds,
        username=redis.username,
        password=redis.password.get_secret_value(),
        ssl_ca_file=redis.ssl_ca_file,
        ssl_cert_file=redis.ssl_cert_file,
        ssl_key_file=redis.ssl_key_file,
    )
