"""Differences between required and existing topics; no I/O."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from forewarn.contracts.topics import TopicSpec
from forewarn.errors import ConfigurationError

Fault = Literal["missing", "too_few_partitions", "too_many_partitions", "replication", "config"]


_REMEDIES: Mapping[Fault, str] = {
    "too_few_partitions": (
        "Set FOREWARN_KAFKA_PARTITIONS={found} if that is meant. To add partitions, stop the sources and the workers, "
        "then run `forewarn topics apply --grow` and `forewarn rebuild`: keys change their partition"
    ),
    "too_many_partitions": (
        "Kafka cannot take partitions away: set FOREWARN_KAFKA_PARTITIONS={found}, or delete the topic and "
        "run `forewarn topics apply`"
    ),
    "replication": (
        "Move its replicas with kafka-reassign-partitions.sh, or set FOREWARN_KAFKA_REPLICATION_FACTOR={found}"
    ),
}
"""What to do about faults that `forewarn topics apply` does not correct."""


@dataclass(frozen=True, slots=True)
class TopicState:
    """One topic as it exists in the cluster; ``config`` holds every value, defaults too."""

    partitions: int
    replication_factor: int
    config: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference; ``repairable`` says whether ``topics apply`` can correct it."""

    topic: str
    fault: Fault
    setting: str
    expected: str
    found: str

    @property
    def repairable(self) -> bool:
        """Partitions only grow, and moving replicas is the work of cluster tools."""
        return self.fault in ("missing", "too_few_partitions", "config")

    @property
    def remedy(self) -> str:
        """What to do about it, and what else may have been meant."""
        return _REMEDIES.get(self.fault, "Run `forewarn topics apply`").format(found=self.found)

    def __str__(self) -> str:
        found = f"is {self.found}" if self.found else "does not exist"
        return f"{self.topic}: {self.setting} {found}, expected {self.expected}"


def drifts(specs: Iterable[TopicSpec], states: Mapping[str, TopicState]) -> list[Drift]:
    """Every difference, topic by topic."""
    found: list[Drift] = []
    for spec in specs:
        state = states.get(spec.name)
        if state is None:
            shape = f"{spec.partitions} partitions x {spec.replication_factor}"
            found.append(Drift(spec.name, "missing", "topic", shape, ""))
            continue
        if state.partitions != spec.partitions:
            fewer = state.partitions < spec.partitions
            fault: Fault = "too_few_partitions" if fewer else "too_many_partitions"
            found.append(
                Drift(spec.name, fault, "partitions", str(spec.partitions), str(state.partitions))
            )
        if state.replication_factor != spec.replication_factor:
            wanted, is_now = str(spec.replication_factor), str(state.replication_factor)
            found.append(Drift(spec.name, "replication", "replication factor", wanted, is_now))
        for name, wanted in spec.config.items():
            is_now = state.config.get(name, "unset")
            if is_now != wanted:
                found.append(Drift(spec.name, "config", name, wanted, is_now))
    return found


def check_copartitioned(partitions: Mapping[str, int | None]) -> None:
    """Check that the source topics exist and have the same number of partitions.

    Args:
        partitions: number of partitions by topic, None for a topic that does not exist.

    Raises:
        ConfigurationError: naming the topics; a worker must not start then, because the calls
            and the transfers of one person would reach different workers.
    """
    missing = sorted(topic for topic, count in partitions.items() if count is None)
    if missing:
        raise ConfigurationError(
            f"these topics do not exist: {', '.join(missing)}.",
            hint="Create them with `forewarn topics apply`.",
        )
    if len(set(partitions.values())) > 1:
        counts = ", ".join(f"{topic} has {count}" for topic, count in sorted(partitions.items()))
        raise ConfigurationError(
            f"the source topics differ in partitions: {counts}.",
            hint=(
                "Stop the producers, set FOREWARN_KAFKA_PARTITIONS to the largest number, run "
                "`forewarn topics apply --grow`, then `forewarn rebuild`: keys change their partition."
            ),
        )


def check_outputs(needed: Mapping[str, int], partitions: Mapping[str, int]) -> None:
    """Check that every topic that a worker writes exists and is wide enough.

    Args:
        needed: least number of partitions by topic.
        partitions: what there is, 0 for a topic that does not exist.

    Raises:
        ConfigurationError: naming the topics; the first output that has no place would stop the
            worker in the middle of its work.
    """
    narrow = {name: least for name, least in needed.items() if partitions.get(name, 0) < least}
    if narrow:
        wanting = ", ".join(
            f"{name} has {partitions.get(name, 0)} of {least} partitions"
            for name, least in sorted(narrow.items())
        )
        raise ConfigurationError(
            f"topics are missing or too narrow: {wanting}.",
            hint="Make them with `forewarn topics apply`, too narrow ones with --grow.",
        )
