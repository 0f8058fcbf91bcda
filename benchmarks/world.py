"""A world to run real workers in: Kafka, Redis, topics, a model; for benchmarks and crash tests."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.synthetic_model import make_registry
from features.catalog import CATALOG
from forewarn.local.child_process import Child
from forewarn.local.ports import LOOPBACK, free_port
from forewarn.platform.kafka import TopicAdministration
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.platform.settings import KafkaSettings

PSEUDONYM_KEY = "a key of benchmarks and tests"


class World:
    """Names and environment of everything; starts workers, not servers.

    Args:
        directory: for files of all parts.
        bootstrap_servers: Kafka as the workers reach it.
        redis_url: Redis as the workers reach it.
        partitions: of each source topic.
        intercept: of the synthetic model's calibration; higher means fewer warnings.
        large_amounts: whether the synthetic model warns about large amounts and nothing else.
        topic_prefix: of the topics' names and of the consumer group.
        source_tree: directory whose packages the workers run; the present ones by default.
        settings: further environment variables of the workers.
    """

    def __init__(
        self,
        directory: Path,
        *,
        bootstrap_servers: str,
        redis_url: str,
        partitions: int = 8,
        intercept: float = 0.0,
        large_amounts: bool = False,
        topic_prefix: str = "",
        source_tree: Path | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.directory = directory
        self.source_tree = source_tree
        self.kafka = KafkaSettings(
            bootstrap_servers=bootstrap_servers,
            partitions=partitions,
            replication_factor=1,
            topic_prefix=topic_prefix,
        )
        self.pseudonymiser = Pseudonymiser(PSEUDONYM_KEY.encode())
        features, fingerprint = tuple(CATALOG.names), CATALOG.fingerprint
        if source_tree is not None:
            features, fingerprint = _catalog_of(source_tree)
        registry = make_registry(
            directory / "models",
            features,
            fingerprint,
            intercept=intercept,
            large_amounts=large_amounts,
        )
        self.booster = next(registry.glob("artifacts/*/booster.txt"))
        self.environment = {
            "FOREWARN_KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers,
            "FOREWARN_KAFKA_PARTITIONS": str(partitions),
            "FOREWARN_KAFKA_REPLICATION_FACTOR": "1",
            "FOREWARN_KAFKA_TOPIC_PREFIX": topic_prefix,
            "FOREWARN_WORKER_GROUP": f"{topic_prefix}forewarn",
            "FOREWARN_REDIS_URL": redis_url,
            "FOREWARN_MODELS_REGISTRY": str(registry),
            "FOREWARN_PRIVACY_PSEUDONYM_KEY": PSEUDONYM_KEY,
            "FOREWARN_WORKER_HEALTH_HOST": LOOPBACK,
            "PYTHONUNBUFFERED": "1",
            **(settings or {}),
        }

    def create_topics(self, direct: str | None = None) -> None:
        """Create all topics; ``direct`` reaches the broker past a proxy."""
        settings = self.kafka
        if direct is not None:
            settings = settings.model_copy(update={"bootstrap_servers": direct})
        with TopicAdministration(settings) as topics:
            topics.apply()

    def worker(self, name: str, *, prefix: Sequence[str] = ()) -> "WorkerProcess":
        """A worker that is not started yet; ``prefix`` is put before its command."""
        return WorkerProcess(self, name, prefix)


def _catalog_of(tree: Path) -> tuple[tuple[str, ...], str]:
    """Names of the features and fingerprint of the catalog of another source tree."""
    program = (
        "import json; from features.catalog import CATALOG;"
        "print(json.dumps([list(CATALOG.names), CATALOG.fingerprint]))"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=tree, check=True, capture_output=True)
    names, fingerprint = json.loads(done.stdout)
    return tuple(names), fingerprint


class WorkerProcess(Child):
    """``forewarn worker`` as a process; ``port`` serves its probes and metrics."""

    def __init__(self, world: World, name: str, prefix: Sequence[str]) -> None:
        self.port = free_port()
        super().__init__(
            name,
            [*prefix, sys.executable, "-m", "forewarn", "worker"],
            log_file=world.directory / f"{name}.log",
            environment={
                **world.environment,
                "FOREWARN_WORKER_HEALTH_PORT": str(self.port),
                "FOREWARN_WORKER_DATA_DIR": str(world.directory / name),
            },
            directory=world.source_tree,  # with -m, Python looks there first
        )
