"""The link to Kafka: arguments for every client in use, and the topics as they have to be."""

from forewarn.platform.kafka.client_arguments import (
    aiokafka_arguments,
    client_arguments,
    faust_credentials,
    ssl_context,
)
from forewarn.platform.kafka.client_errors import explained, missing_topic
from forewarn.platform.kafka.committed_offsets import committed_offsets
from forewarn.platform.kafka.topic_administration import TopicAdministration, require_copartitioned

__all__ = [
    "TopicAdministration",
    "aiokafka_arguments",
    "client_arguments",
    "committed_offsets",
    "explained",
    "faust_credentials",
    "missing_topic",
    "require_copartitioned",
    "ssl_context",
]
