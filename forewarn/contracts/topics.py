"""The topics: names, keys and how each is kept."""

from dataclasses import dataclass
from typing import Literal

from forewarn.platform.settings import KafkaSettings

TopicName = Literal[
    "calls",
    "transfers",
    "outcomes",
    "warnings",
    "scores",
    "dead-letters",
    "lists",
    "answers",
    "unkept-answers",
]

SOURCES: tuple[TopicName, ...] = ("calls", "transfers", "outcomes")
"""What the workers consume; co-partitioned by the subscriber, so that the join is local."""

OF_REPLICAS: TopicName = "unkept-answers"
"""What replicas of the decision service tell each other; no worker touches it."""

_ONE_PARTITION: tuple[TopicName, ...] = ("lists", "dead-letters", OF_REPLICAS)
"""Every reader of these reads all of it, or their order counts."""


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """One topic as it must exist in the cluster."""

    name: str
    partitions: int
    replication_factor: int
    config: dict[str, str]


def qualified(name: TopicName, settings: KafkaSettings) -> str:
    """The topic's name in the cluster, with the prefix of this installation."""
    return f"{settings.topic_prefix}{name}"


def topic_specs(settings: KafkaSettings) -> dict[TopicName, TopicSpec]:
    """Every topic that has to exist; ``lists`` is compacted, the others are kept by time."""
    hour_ms = 3_600_000
    keep = {
        "retention.ms": str(settings.retention_hours * hour_ms),
        "cleanup.policy": "delete",
        "message.timestamp.type": "LogAppendTime",  # so that latency counts from the append
    }
    # Both hold numbers in clear, so neither is kept for ever. Labels come late and a rebuild counts
    # confirmed fraudsters from them, hence a year; what was rejected has to be corrected within a month.
    labels = keep | {"retention.ms": str(settings.outcomes_retention_hours * hour_ms)}
    rejected = keep | {"retention.ms": str(settings.dead_letters_retention_hours * hour_ms)}
    # A replica that was restarted reads the last seconds, or minutes; nothing else reads them again.
    answers = keep | {"retention.ms": str(hour_ms)}
    compacted = {"cleanup.policy": "compact", "min.compaction.lag.ms": str(hour_ms)}
    safe = str(max(1, settings.replication_factor - 1))
    configs: dict[TopicName, dict[str, str]] = {
        "calls": keep,
        "transfers": keep,
        "outcomes": labels,
        "warnings": keep,
        "scores": keep,
        "dead-letters": rejected,
        "lists": compacted,
        "answers": answers,
        OF_REPLICAS: answers,
    }
    return {
        name: TopicSpec(
            name=qualified(name, settings),
            partitions=1 if name in _ONE_PARTITION else settings.partitions,
            replication_factor=settings.replication_factor,
            config=config | {"min.insync.replicas": safe},
        )
        for name, config in configs.items()
    }
