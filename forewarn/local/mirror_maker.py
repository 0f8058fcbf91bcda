"""MirrorMaker 2 as a child process: copies the topics of one cluster into another, names unchanged.

It runs in the dedicated mode that Kafka ships for it, beside the target: where region A is lost, what B holds
is what the mirror has written by then. Committed offsets are copied as well, translated to those of the target.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from forewarn.local.child_process import Child
from forewarn.local.kafka_broker import java
from forewarn.local.kafka_jars import mirror_jars

GROUPS_SECONDS = 1
"""Between two copies of the committed offsets."""


class MirrorMaker:
    """One mirror from a source cluster to a target cluster.

    Args:
        directory: holds the configuration and the log.
        source: bootstrap servers to read.
        target: bootstrap servers to write; MirrorMaker keeps its own offsets and status there.
        topics: regular expressions of the topics to mirror.
        groups: regular expressions of the consumer groups whose offsets are mirrored.
        heap_megabytes: of the JVM.
    """

    def __init__(
        self,
        directory: Path,
        *,
        source: str,
        target: str,
        topics: Sequence[str],
        groups: Sequence[str],
        heap_megabytes: int = 256,
    ) -> None:
        self._directory = directory
        self._properties = mirror_properties(source, target, topics=topics, groups=groups)
        self._java_options = [
            f"-Xmx{heap_megabytes}m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-Dorg.slf4j.simpleLogger.showDateTime=true",
        ]
        self.process = Child(
            "mirror-maker",
            [],
            log_file=directory / "mirror.log",
            directory=directory,
            environment={"LC_ALL": "C.UTF-8"},
        )

    def start(self) -> None:
        """Start it; it mirrors some seconds later, which only the target's topics show.

        Raises:
            ForewarnError: if there is no Java, or the jars cannot be had.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        file = self._directory / "mirror.properties"
        file.write_text("".join(f"{name}={value}\n" for name, value in self._properties.items()))
        class_path = str(mirror_jars()) + os.sep + "*"
        main = "org.apache.kafka.connect.mirror.MirrorMaker"
        self.process.command = [
            str(java()),
            *self._java_options,
            "-cp",
            class_path,
            main,
            str(file),
        ]
        self.process.start()

    def stop(self) -> None:
        """Stop it in order: what it has read is written, and its position is kept."""
        self.process.stop(timeout_seconds=30.0)


def mirror_properties(
    source: str, target: str, *, topics: Sequence[str], groups: Sequence[str]
) -> dict[str, str]:
    """MirrorMaker's properties for one direction; the clusters are called A and B.

    Names of topics stay as they are (IdentityReplicationPolicy), since workers, rebuild and alerting look for the same names
    in each region. The other direction is off: with unchanged names records would go round for ever.
    """
    every = {
        "replication.factor": "1",
        "offset.storage.replication.factor": "1",
        "offset.storage.partitions": "1",  # of 25, whose creation takes longer than all else
        "status.storage.partitions": "1",
        "status.storage.replication.factor": "1",
        "config.storage.replication.factor": "1",
        "offset-syncs.topic.replication.factor": "1",
        "checkpoints.topic.replication.factor": "1",
        "heartbeats.topic.replication.factor": "1",
    }
    return every | {
        "clusters": "A,B",
        "A.bootstrap.servers": source,
        "B.bootstrap.servers": target,
        "A->B.enabled": "true",
        "B->A.enabled": "false",
        "A->B.topics": ",".join(topics),
        "A->B.groups": ",".join(groups),
        "replication.policy.class": "org.apache.kafka.connect.mirror.IdentityReplicationPolicy",
        "emit.heartbeats.enabled": "false",
        "sync.topic.acls.enabled": "false",
        "emit.checkpoints.interval.seconds": str(GROUPS_SECONDS),
        "sync.group.offsets.enabled": "true",
        "sync.group.offsets.interval.seconds": str(GROUPS_SECONDS),
        "refresh.topics.interval.seconds": "5",
        "refresh.groups.interval.seconds": "5",
        # With a position every few records a group in B is as far as that in A but for those few.
        "offset.lag.max": "0",
        "offset-syncs.topic.location": "target",
        # Without the name of the target it is ignored, and the last position of a quiet partition waits for a minute.
        "B.offset.flush.interval.ms": "1000",
        "tasks.max": "1",
        "B.plugin.discovery": "service_load",  # looking through every jar takes half of the start
    }
