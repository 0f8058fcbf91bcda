"""Configs of topics on a real broker, changed and in force."""

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from forewarn.local.wait import wait_until
from forewarn.platform.kafka.topic_administration import TopicAdministration
from forewarn.platform.settings import KafkaSettings


def set_topic_config(settings: KafkaSettings, topic: str, name: str, value: str) -> None:
    """Change one config and wait until the broker shows it, since it answers before it applies the change."""
    admin = KafkaAdminClient(bootstrap_servers=settings.bootstrap_servers)
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs={name: value})])
    admin.close()
    with TopicAdministration(settings) as topics:
        wait_until(
            lambda: topics.states([topic])[topic].config.get(name) == value,
            20,
            what=f"{name} of {topic}",
        )
