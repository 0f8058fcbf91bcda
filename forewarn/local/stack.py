"""The whole pipeline on one machine: Kafka, Redis, a model, stream workers, alerting.

``start`` brings the parts up, at the same time where nothing hinders; ``stop`` may be called at any
moment, also in the middle of a start, and leaves no process.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from forewarn.errors import DependencyUnavailableError
from forewarn.local import console_user
from forewarn.local.bank_access import ensure_bank_key
from forewarn.local.child_process import Child, stop_all
from forewarn.local.kafka_broker import KafkaBroker
from forewarn.local.kafka_jars import jars_are_here
from forewarn.local.ports import LOOPBACK, free_port
from forewarn.local.readiness_probe import ask
from forewarn.local.redis_server import RedisServer
from forewarn.local.stack_layout import Layout
from forewarn.local.stack_model import ensure_model
from forewarn.local.stack_state import ProcessState
from forewarn.local.wait import wait_until
from forewarn.platform.child_command import python_module
from forewarn.platform.kafka.topic_administration import TopicAdministration
from forewarn.platform.settings import KafkaSettings, LocalSettings

Tell = Callable[[str], None]

COMPILE_SECONDS_MAX = 300.0
PRELUDE_SECONDS_MAX = 600.0


PORT_ATTEMPTS = 3
"""Starts of a service whose port another process took between our choice and its use."""


@dataclass(slots=True, eq=False)
class Service:
    """A process of ours that answers over HTTP.

    Attributes:
        child: the process.
        ready_path: of its readiness probe.
        fixed_port: the port that the settings name, or 0 for any.
        probes_apart: whether probes and metrics are served on a port of their own.
        port: the one in use, 0 before the first start.
        probe_port: that of probes and metrics; the same, unless they are apart.
    """

    child: Child
    ready_path: str
    fixed_port: int = 0
    probes_apart: bool = False
    port: int = 0
    probe_port: int = 0

    @property
    def probe(self) -> str:
        """URL that answers 200 when the process is ready."""
        return f"http://{LOOPBACK}:{self.probe_port}/{self.ready_path}"

    @property
    def metrics(self) -> str:
        """URL of its metrics."""
        return f"http://{LOOPBACK}:{self.probe_port}/metrics"

    def choose_ports(self) -> None:
        """The fixed port, or one that is free now."""
        self.port = self.fixed_port or free_port()
        self.probe_port = free_port() if self.probes_apart else self.port

    @property
    def lost_its_port(self) -> bool:
        """Whether it ended because another process has a port that we chose."""
        ended = self.child.returncode is not None
        ours = self.probes_apart or not self.fixed_port
        return ended and ours and "in use" in self.child.tail(60)


class Stack:
    """One local pipeline.

    Args:
        settings: directory, ports and number of workers.
        tell: receives each step, from several threads.
        models: the model registry, if it is not to lie in the directory.
        prelude: a command that fills the state before the workers start.
        changed: receives the stack after parts of it were started again.
    """

    def __init__(
        self,
        settings: LocalSettings,
        *,
        tell: Tell,
        models: Path | None = None,
        prelude: Sequence[str] = (),
        changed: Callable[["Stack"], None] = lambda _stack: None,
    ) -> None:
        self.settings = settings
        self._changed = changed
        self.layout = Layout(settings.directory.absolute(), models)
        self._tell = tell
        self._pool = ThreadPoolExecutor(4, thread_name_prefix="start")
        self.kafka = KafkaBroker(self.layout.kafka, port=settings.kafka_port or None)
        self.redis = RedisServer(
            self.layout.redis, port=settings.redis_port or None, persistent=True
        )
        self.downloader = Child(
            "download",
            python_module("forewarn.local.kafka_jars"),
            log_file=self.layout.logs / "download.log",
        )
        self.trainer = Child("training", [], log_file=self.layout.logs / "training.log")
        self.compiler = Child(
            "compiling",
            python_module("models.machine_code"),
            log_file=self.layout.logs / "compiling.log",
        )
        self.prelude = Child("prelude", prelude, log_file=self.layout.logs / "prelude.log")
        self.alerting = Service(
            self._child("alerting", ["alerting", "serve"]),
            "healthz/ready",
            settings.alerting_port,
            probes_apart=True,
        )
        self.decide = Service(
            self._child("decide", ["decide", "serve"]),
            "healthz/ready",
            settings.decide_port,
            probes_apart=True,
        )
        self.workers = [
            Service(self._child(f"worker-{number}", ["worker"]), "ready")
            for number in range(1, settings.workers + 1)
        ]

    @property
    def console_url(self) -> str:
        """Where people work."""
        return f"http://{LOOPBACK}:{self.alerting.port}"

    @property
    def decide_url(self) -> str:
        """Where banks ask."""
        return f"http://{LOOPBACK}:{self.decide.port}"

    @property
    def services(self) -> list[Service]:
        """Every process of ours, in the order in which it stops."""
        return [*self.workers, self.decide, self.alerting]

    @property
    def urls(self) -> dict[str, str]:
        """Addresses by name, for programs; ``address_rows`` has them for people."""
        metrics = {f"metrics_{each.child.name}": each.metrics for each in self.services}
        return {
            "console": self.console_url,
            "decisions": f"{self.decide_url}/v1/decisions",
            **{name.replace("-", "_"): url for name, url in metrics.items()},
        }

    @property
    def kafka_settings(self) -> KafkaSettings:
        """How this process reaches the stack's own Kafka, whatever the environment says."""
        return KafkaSettings(
            bootstrap_servers=self.kafka.bootstrap_servers,
            security_protocol="PLAINTEXT",
            topic_prefix="",
            partitions=self.settings.partitions,
            replication_factor=1,
        )

    @property
    def environment(self) -> dict[str, str]:
        """The settings of every part, as environment variables; no secret is among them."""
        return {
            "FOREWARN_SECRETS_DIR": str(self.layout.secrets),
            "FOREWARN_KAFKA_BOOTSTRAP_SERVERS": self.kafka.bootstrap_servers,
            "FOREWARN_KAFKA_SECURITY_PROTOCOL": "PLAINTEXT",
            "FOREWARN_KAFKA_TOPIC_PREFIX": "",
            "FOREWARN_KAFKA_PARTITIONS": str(self.settings.partitions),
            "FOREWARN_KAFKA_REPLICATION_FACTOR": "1",
            "FOREWARN_REDIS_URL": self.redis.url,
            "FOREWARN_MODELS_REGISTRY": str(self.layout.registry),
            "FOREWARN_WORKER_HEALTH_HOST": LOOPBACK,
            "FOREWARN_ALERTING_DATABASE_URL": f"sqlite:///{self.layout.database}",
            "FOREWARN_ALERTING_HOST": LOOPBACK,
            "FOREWARN_ALERTING_PORT": str(self.alerting.port),
            "FOREWARN_ALERTING_METRICS_PORT": str(self.alerting.probe_port),
            "FOREWARN_ALERTING_PUBLIC_URL": self.console_url,
            "FOREWARN_ALERTING_OPTIONS_FILE": str(self.layout.options_file),
            "FOREWARN_DECIDE_HOST": LOOPBACK,
            "FOREWARN_DECIDE_PORT": str(self.decide.port),
            "FOREWARN_DECIDE_PROBE_HOST": LOOPBACK,
            "FOREWARN_DECIDE_PROBE_PORT": str(self.decide.probe_port),
            "FOREWARN_DECIDE_KEYS_FILE": str(self.layout.bank_keys_file),
            "FOREWARN_DECIDE_SPOOL_DIR": str(self.layout.root / "spool"),
            "FOREWARN_ACCESS_USERS_FILE": str(self.layout.users_file),
        }

    def start(self) -> None:
        """Bring everything up and wait until every part says that it is ready.

        Raises:
            ForewarnError: naming the part that did not start, with the end of its log.
        """
        self.layout.prepare()
        kafka = self._pool.submit(self._start_kafka)
        redis = self._pool.submit(self._start_redis)
        compiled = self._pool.submit(self._compile)
        redis.result()
        compiled.result()  # model and prelude compute features, and would both compile otherwise
        model = self._pool.submit(ensure_model, self.layout, self.trainer, self._tell)
        prelude = self._pool.submit(self._run_prelude)
        operator = self._pool.submit(
            console_user.ensure_operator,
            self.layout.users_file,
            self.layout.secret("console_password"),
        )
        kafka.result()
        self._launch(self.alerting)
        model.result()
        prelude.result()
        operator.result()
        ensure_bank_key(self.layout)
        for service in (*self.workers, self.decide):
            self._launch(service)
        for service in self.services:
            self._await_ready(service)

    def stop(self) -> None:
        """Stop the workers before what they need; safe at any time and more than once."""
        passing = [self.trainer, self.downloader, self.compiler, self.prelude]
        every = [*self._children(), *passing]
        for child in every:
            child.forbid()  # a start that is under way must not launch anything from now on
        stop_all([child for child in every if child not in self._servers()])
        for server in self._servers():
            server.stop(timeout_seconds=20.0)
        self._pool.shutdown(wait=True, cancel_futures=True)

    def processes(self) -> list[ProcessState]:
        """Every running process."""
        services = {service.child: service.probe for service in self.services}
        return [
            ProcessState(
                name=child.name,
                pid=child.pid,
                log=str(child.log_file),
                probe=services.get(child, ""),
            )
            for child in self._children()
            if child.is_running()
        ]

    def require_running(self) -> None:
        """Raise DependencyUnavailableError, with the end of its log, if a process has ended."""
        for child in self._children():
            child.require_running()

    def restart_ended(self) -> list[str]:
        """Start again what has ended by itself; returns the names."""
        ended = [child for child in self._children() if not child.is_running()]
        for child in ended:
            child.start()
        if ended:
            self._changed(self)
        return [child.name for child in ended]

    def _servers(self) -> list[Child]:
        return [self.redis.process, self.kafka.process]

    def _children(self) -> list[Child]:
        ours = [service.child for service in self.services]
        return [*ours, *self._servers()]

    def _child(self, name: str, arguments: list[str]) -> Child:
        return Child(
            name,
            python_module("forewarn", *arguments),
            log_file=self.layout.logs / f"{name}.log",
            environment={"PYTHONUNBUFFERED": "1"},
        )

    def _start_kafka(self) -> None:
        self._tell("Kafka: fetching its jars" if not jars_are_here() else "Kafka: starting")
        if not jars_are_here():
            self.downloader.run(
                timeout_seconds=600.0,
                progress=lambda s: self._tell(f"Kafka: still fetching after {s:.0f} s"),
            )
            self._tell("Kafka: starting")
        self.kafka.start(self.settings.start_seconds)
        with TopicAdministration(self.kafka_settings) as topics:
            topics.apply()
            partitions = topics.require_copartitioned()
        self._tell(f"Kafka: ready on {self.kafka.bootstrap_servers}, {partitions} partitions")

    def _start_redis(self) -> None:
        self.redis.start(self.settings.start_seconds)
        self._tell(f"Redis: ready on port {self.redis.port}")

    def _compile(self) -> None:
        self._tell(
            "features: loading the kernel, which a first start compiles in one to three minutes"
        )
        self.compiler.run(
            COMPILE_SECONDS_MAX,
            progress=lambda s: self._tell(f"features: still compiling the kernel after {s:.0f} s"),
        )
        self._tell(f"features: {self.compiler.tail(1).partition(': ')[0]}")

    def _run_prelude(self) -> None:
        if not self.prelude.command:
            return
        self._tell("state: computing what happened before")
        self.prelude.environment |= self.environment
        self.prelude.run(
            PRELUDE_SECONDS_MAX,
            progress=lambda s: self._tell(f"state: still computing after {s:.0f} s"),
        )
        self._tell(f"state: {self.prelude.tail(1)}")

    def _launch(self, service: Service) -> None:
        service.choose_ports()
        own = {"FOREWARN_WORKER_HEALTH_PORT": str(service.port)}
        own["FOREWARN_WORKER_DATA_DIR"] = str(self.layout.root / service.child.name)
        service.child.environment |= self.environment | own
        service.child.start()
        self._tell(f"{service.child.name}: starting")

    def _await_ready(self, service: Service) -> None:
        def ready() -> bool:
            service.child.require_running()
            return ask(service.probe).passes

        for attempt in range(1, PORT_ATTEMPTS + 1):
            try:
                wait_until(
                    ready,
                    self.settings.start_seconds,
                    what=lambda: f"{service.child.name} to be ready ({ask(service.probe).reason})",
                    interval_seconds=0.1,
                )
            except DependencyUnavailableError:
                if attempt == PORT_ATTEMPTS or not service.lost_its_port:
                    raise
                self._launch(service)
            else:
                break
        self._tell(f"{service.child.name}: ready")
