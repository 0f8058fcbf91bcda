"""Topics in the cluster: read, compared with the settings, created and repaired."""

from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import TopicAlreadyExistsError

from forewarn.contracts.topics import OF_REPLICAS, SOURCES, TopicSpec, qualified, topic_specs
from forewarn.platform.kafka.client_arguments import client_arguments
from forewarn.platform.kafka.client_errors import explained, missing_topic
from forewarn.platform.kafka.topic_differences import (
    Drift,
    TopicState,
    check_copartitioned,
    check_outputs,
    drifts,
)
from forewarn.platform.settings import KafkaSettings


class TopicAdministration:
    """A connection to the cluster for questions about topics; use as a context manager.

    Raises:
        DependencyUnavailableError: from every method, if the cluster does not answer.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self.settings = settings
        self._client: Any = None

    def __enter__(self) -> Self:
        with explained(self.settings):
            self._client = KafkaAdminClient(
                **client_arguments(self.settings),
                request_timeout_ms=int(self.settings.request_timeout_seconds * 1000),
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def states(self, names: Sequence[str]) -> dict[str, TopicState]:
        """Those of the named topics that exist."""
        with explained(self.settings):
            existing = set(self._client.list_topics())
            wanted = [name for name in names if name in existing]
            if not wanted:
                return {}
            described = {topic["name"]: topic for topic in self._client.describe_topics(wanted)}
            resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in wanted]
            configs = self._client.describe_configs(resources, config_filter="all")
        by_topic = next(iter(configs.values()))
        return {
            name: TopicState(
                partitions=len(described[name]["partitions"]),
                replication_factor=len(described[name]["partitions"][0]["replica_nodes"]),
                config={key: str(data["value"]) for key, data in by_topic[name].items()},
            )
            for name in wanted
        }

    def check(self) -> list[Drift]:
        """What differs from the settings; empty when all is well."""
        specs = topic_specs(self.settings).values()
        return drifts(specs, self.states([spec.name for spec in specs]))

    def apply(self, *, grow: bool = False) -> tuple[list[Drift], list[Drift]]:
        """Repair what can be repaired; returns what was repaired and what was not.

        Args:
            grow: add partitions to topics that have too few. That moves keys to other
                partitions, so state has to be rebuilt: never done without being asked for.
        """
        specs = {spec.name: spec for spec in topic_specs(self.settings).values()}
        found = self.check()
        repaired = [
            drift
            for drift in found
            if drift.repairable and (grow or drift.fault != "too_few_partitions")
        ]
        with explained(self.settings):
            self._create([specs[drift.topic] for drift in repaired if drift.fault == "missing"])
            growth = {
                drift.topic: int(drift.expected)
                for drift in repaired
                if drift.fault == "too_few_partitions"
            }
            if growth:
                self._client.create_partitions(growth)
            self._configure([drift for drift in repaired if drift.fault == "config"])
            self._client.wait_for_topics(list(specs))
        return repaired, [drift for drift in found if drift not in repaired]

    def require(self, names: Iterable[str]) -> None:
        """Raise ConfigurationError unless every named topic exists."""
        with explained(self.settings):
            existing = set(self._client.list_topics())
        for name in names:
            if name not in existing:
                raise missing_topic(name)

    def require_copartitioned(self) -> int:
        """Check the source topics; returns their number of partitions.

        Raises:
            ConfigurationError: if one is missing or they differ.
        """
        names = [qualified(source, self.settings) for source in SOURCES]
        states = self.states(names)
        check_copartitioned(
            {name: states[name].partitions if name in states else None for name in names}
        )
        return states[names[0]].partitions

    def require_outputs(self, partitions: int) -> None:
        """Check the topics that a worker writes, and the lists that it reads.

        Args:
            partitions: of the sources; what concerns partition *p* goes to partition *p*.

        Raises:
            ConfigurationError: if one is missing or has fewer partitions.
        """
        needed = {
            spec.name: 1 if spec.partitions == 1 else partitions
            for name, spec in topic_specs(self.settings).items()
            if name not in SOURCES and name != OF_REPLICAS
        }
        states = self.states(list(needed))
        check_outputs(
            needed, {name: states[name].partitions if name in states else 0 for name in needed}
        )

    def _create(self, specs: Sequence[TopicSpec]) -> None:
        if not specs:
            return
        topics = {
            spec.name: {
                "num_partitions": spec.partitions,
                "replication_factor": spec.replication_factor,
                "configs": spec.config,
            }
            for spec in specs
        }
        try:
            self._client.create_topics(topics)
        except TopicAlreadyExistsError:
            return  # another `apply` was quicker; `check` tells if it meant something else

    def _configure(self, found: Sequence[Drift]) -> None:
        changes: dict[str, dict[str, str]] = {}
        for drift in found:
            changes.setdefault(drift.topic, {})[drift.setting] = drift.expected
        if changes:
            self._client.alter_configs(
                [
                    ConfigResource(ConfigResourceType.TOPIC, name, configs=config)
                    for name, config in changes.items()
                ]
            )


def require_copartitioned(settings: KafkaSettings) -> int:
    """Check that calls, transfers and outcomes agree; returns their number of partitions.

    Raises:
        ConfigurationError: if a topic is missing or the numbers differ.
        DependencyUnavailableError: if the cluster does not answer.
    """
    with TopicAdministration(settings) as topics:
        return topics.require_copartitioned()


def as_mapping(drift: Drift) -> Mapping[str, str | bool]:
    """One drift as plain values, for machine-readable output."""
    return {
        "topic": drift.topic,
        "fault": drift.fault,
        "setting": drift.setting,
        "expected": drift.expected,
        "found": drift.found,
        "repairable": drift.repairable,
    }
