"""An installation's topics on the broker of the tests."""

from forewarn.local import KafkaBroker
from forewarn.platform.kafka.topic_administration import TopicAdministration
from forewarn.platform.settings import KafkaSettings


def with_topics(kafka: KafkaBroker, prefix: str, partitions: int) -> KafkaSettings:
    """Settings of an installation whose topics are there, each with this many partitions."""
    settings = KafkaSettings(
        bootstrap_servers=kafka.bootstrap_servers,
        topic_prefix=prefix,
        partitions=partitions,
        replication_factor=1,
    )
    with TopicAdministration(settings) as topics:
        topics.apply()
    return settings
