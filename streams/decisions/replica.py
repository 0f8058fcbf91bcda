"""One replica of the decision service: its parts started, served and stopped in order."""

import asyncio
import contextlib
import signal
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import structlog
from aiohttp import web

from features.store import StateStore
from forewarn.errors import ConfigurationError, DependencyUnavailableError, ForewarnError
from forewarn.platform.garbage_collector import exclude_permanent_objects
from forewarn.platform.settings import DecideSettings
from forewarn.platform.watched_file import RELOAD_SECONDS, WatchedFile
from streams.decisions.answer_store import AnswerStore
from streams.decisions.bank_keys import KeyRing
from streams.decisions.decision_desk import DecisionDesk
from streams.decisions.decision_metrics import DecisionMetrics
from streams.decisions.decision_routes import DecisionRoutes
from streams.decisions.late_spool import LateSpool
from streams.decisions.loop_delay import LoopDelay
from streams.decisions.probe_routes import probe_application
from streams.decisions.question_link import QuestionLink
from streams.decisions.unkept_answers import UnkeptAnswers
from streams.model.lists_consumer import ListsConsumer
from streams.model.reloader import Reloader

log = structlog.get_logger(__name__)

GRACE_SECONDS = 10.0
"""Longest wait at a stop for questions in hand: above every deadline."""

CONNECT_SECONDS, CONNECT_PAUSE_SECONDS = 3.0, 1.0
"""How long a start waits for Kafka before it serves without, and the pause between two attempts."""

Tell = Callable[[str], None]


class DecisionReplica:
    """Runs until SIGTERM or SIGINT.

    Args:
        settings: addresses and intervals.
        link: not started.
        answers: not used yet.
        unkept: of the same parts; not running yet.
        state: not opened.
        lists: not started.
        desk: of the same parts.
        routes: of the same parts.
        spool: of late events.
        keys: the file of keys.
        reloader: started already.
        metrics: served.
        loop_delay: not running yet.
        tell: receives the addresses.
    """

    def __init__(
        self,
        settings: DecideSettings,
        *,
        link: QuestionLink,
        answers: AnswerStore,
        unkept: UnkeptAnswers,
        state: StateStore,
        lists: ListsConsumer,
        desk: DecisionDesk,
        routes: DecisionRoutes,
        spool: LateSpool,
        keys: WatchedFile[KeyRing],
        reloader: Reloader,
        metrics: DecisionMetrics,
        loop_delay: LoopDelay,
        tell: Tell,
    ) -> None:
        self._settings = settings
        self._link = link
        self._answers = answers
        self._unkept = unkept
        self._state = state
        self._lists = lists
        self._desk = desk
        self._routes = routes
        self._spool = spool
        self._keys = keys
        self._reloader = reloader
        self._metrics = metrics
        self._loop_delay = loop_delay
        self._tell = tell
        self._serving = self._draining = self._connected = False
        self._tasks: list[asyncio.Task[None]] = []

    async def run(self) -> None:
        """Serve until a signal asks to stop.

        Raises:
            ForewarnError: a part does not start.
        """
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        probes = await self._serve_probes()
        connecting = asyncio.create_task(self._connect(), name="connect")
        runner: web.AppRunner | None = None
        try:
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait(
                {connecting, stopping}, timeout=CONNECT_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            if connecting.done():
                connecting.result()
            connecting.add_done_callback(lambda task: stop.set() if _failed(task) else None)
            self._tasks = [
                asyncio.create_task(work, name=name)
                for name, work in {
                    "unkept_answers": self._unkept.run(),
                    "spool": self._spool.run(self._link.send),
                    "reload": self._poll(),
                    "loop_delay": self._loop_delay.run(),
                }.items()
            ]
            exclude_permanent_objects()
            runner = await self._serve_banks()
            self._serving = True
            await stopping
            if _failed(connecting):
                connecting.result()
        finally:
            await self._stop(runner, connecting, probes)

    async def _connect(self) -> None:
        """Connect to Kafka, however long it is away; meanwhile banks get the fallback.

        Raises:
            ConfigurationError: Kafka answers, and a topic is missing.
        """
        while not self._connected:
            try:
                await self._link.start(self._desk.note_late, self._unkept.learn)
                await self._lists.start()
            except DependencyUnavailableError as error:
                log.warning("kafka_not_reached", why=str(error))
                await self._lists.stop()
                await self._link.stop()
                await asyncio.sleep(CONNECT_PAUSE_SECONDS)
            else:
                self._connected = True
        await self._lists.follow()

    async def _stop(
        self,
        runner: web.AppRunner | None,
        connecting: asyncio.Task[None],
        probes: web.AppRunner,
    ) -> None:
        self._draining = True
        if runner is not None:
            await runner.cleanup()  # waits for requests in hand
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._desk.drain(), GRACE_SECONDS)
        tasks = [connecting, *self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._link.stop()
        await self._lists.stop()
        await self._answers.close()
        await self._state.close()
        await probes.cleanup()

    async def _serve_banks(self) -> web.AppRunner:
        runner = web.AppRunner(
            self._routes.application(), access_log=None, shutdown_timeout=GRACE_SECONDS
        )
        await runner.setup()
        context = tls_context(self._settings)
        port = await _listen(
            runner, self._settings.host, self._settings.port, "FOREWARN_DECIDE_PORT", context
        )
        scheme = "https" if context else "http"
        self._tell(f"Listening on {scheme}://{self._settings.host}:{port}")
        return runner

    async def _serve_probes(self) -> web.AppRunner:
        app = probe_application(
            self._metrics.registry, started=self._started, ready=self._ready, live=self._live
        )
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        host = self._settings.probe_host
        port = await _listen(
            runner, host, self._settings.probe_port, "FOREWARN_DECIDE_PROBE_PORT", None
        )
        self._tell(f"Probes and metrics on http://{host}:{port}")
        return runner

    def _started(self) -> list[str]:
        return [] if self._serving else ["starting"]

    def _ready(self) -> list[str]:
        """A replica whose Kafka or Redis is away stays ready: it answers by the fallback.

        One that never reached Kafka may have a wrong address; an update must not replace good replicas by it.
        """
        return [
            *self._started(),
            *([] if self._connected else ["kafka_never_reached"]),
            *(["draining"] if self._draining else []),
        ]

    def _live(self) -> list[str]:
        ended = [f"{task.get_name()}_ended" for task in self._tasks if task.done()]
        reading = self._link.alive or not self._connected
        return ended if reading or not self._serving else ["answers_not_read", *ended]

    async def _poll(self) -> None:
        """Follow the keys, the policy and the model."""
        never = threading.Event()
        loop = asyncio.get_running_loop()
        # Its own thread: a registry that does not answer must not delay what-if.
        with ThreadPoolExecutor(1, thread_name_prefix="reload") as pool:
            while True:
                await asyncio.sleep(RELOAD_SECONDS)
                try:
                    await loop.run_in_executor(pool, self._keys.turn, never)
                    await loop.run_in_executor(pool, self._reloader.poll)
                except ForewarnError as error:
                    log.warning("reload_failed", why=str(error))


def _failed(task: asyncio.Task[None]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is not None


def tls_context(settings: DecideSettings) -> ssl.SSLContext | None:
    """TLS as the settings want it; None for plain HTTP behind a proxy that ends TLS.

    Raises:
        ConfigurationError: a file is missing or not valid.
    """
    if settings.tls_cert_file is None:
        if settings.tls_client_ca_file is not None:
            raise ConfigurationError(
                "FOREWARN_DECIDE_TLS_CLIENT_CA_FILE is set without a certificate of the service.",
                hint="Set FOREWARN_DECIDE_TLS_CERT_FILE and _KEY_FILE, too.",
            )
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(settings.tls_cert_file, settings.tls_key_file)
        if settings.tls_client_ca_file is not None:
            context.load_verify_locations(settings.tls_client_ca_file)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"the TLS files of the decision service cannot be read: {error}.",
            hint="Check FOREWARN_DECIDE_TLS_CERT_FILE, _KEY_FILE and _CLIENT_CA_FILE.",
        ) from error
    return context


async def _listen(
    runner: web.AppRunner, host: str, port: int, setting: str, context: ssl.SSLContext | None
) -> int:
    site = web.TCPSite(runner, host, port, ssl_context=context, backlog=1024)
    try:
        await site.start()
    except OSError as error:
        raise ConfigurationError(
            f"the decision service cannot listen on {host}:{port}: {error.strerror}.",
            hint=f"Set {setting} to a free port, or to 0.",
        ) from None
    return int(runner.addresses[-1][1])
