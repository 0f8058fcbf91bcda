"""Resets the offsets of a consumer group to a time, after a database was restored from a backup."""

from collections.abc import Mapping, Sequence

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import OffsetTimestamp
from kafka.errors import KafkaError, NoError

from forewarn.contracts.topics import TopicName, qualified
from forewarn.errors import ConfigurationError
from forewarn.platform.kafka import client_arguments, explained
from forewarn.platform.settings import KafkaSettings


def reset_offsets(
    settings: KafkaSettings, groups: Mapping[str, Sequence[TopicName]], *, since_ms: int
) -> int:
    """Set each group to the first record that was appended at a time or after it.

    Args:
        settings: where Kafka is.
        groups: the topics of each group.
        since_ms: UTC milliseconds. A partition without a later record is set to its end.

    Returns:
        How many partitions were set.

    Raises:
        ConfigurationError: if a group still has members, or a topic does not exist.
        DependencyUnavailableError: if Kafka does not answer.
    """
    count = 0
    with explained(settings):
        client = KafkaAdminClient(**client_arguments(settings))
        try:
            for group, topics in groups.items():
                described = client.describe_topics([qualified(topic, settings) for topic in topics])
                moments = {
                    TopicPartition(topic["name"], part["partition_index"]): OffsetTimestamp(
                        since_ms
                    )
                    for topic in described
                    for part in topic["partitions"]
                }
                done = client.reset_group_offsets(group, moments)
                _require(group, [result["error"] for result in done.values()])
                count += len(done)
        finally:
            client.close()
    return count


def _require(group: str, errors: Sequence[type[KafkaError]]) -> None:
    failed = sorted({error.__name__ for error in errors if error is not NoError})
    if failed:
        raise ConfigurationError(
            f"The offsets of group {group} could not be set: {', '.join(failed)}.",
            hint="Stop the service first: a group that reads keeps its own offsets.",
        )
