"""The link to Kafka: arguments for every client in use, and the topics as they have to be."""

from forewarn.kafka.administration import TopicAdministration, require_copartitioned
from forewarn.kafka.connection import (
    aiokafka_arguments,
    client_arguments,
    faust_credentials,
    ssl_context,
)
from forewarn.kafka.faults import explained, missing_topic
from forewarn.kafka.offsets import committed_offsets

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
