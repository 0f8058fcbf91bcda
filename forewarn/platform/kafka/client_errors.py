"""One place where the errors of Kafka's clients become errors that say what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

from kafka.errors import KafkaError, UnknownTopicOrPartitionError

from forewarn.errors import ConfigurationError, DependencyUnavailableError
from forewarn.platform.settings import KafkaSettings


@contextmanager
def explained(settings: KafkaSettings) -> Iterator[None]:
    """Around every use of a client.

    Raises:
        ConfigurationError: if a topic is missing.
        DependencyUnavailableError: for anything else that the client raises.
    """
    try:
        yield
    except UnknownTopicOrPartitionError as error:
        raise missing_topic("that was asked for") from error
    except KafkaError as error:
        raise DependencyUnavailableError(
            f"Kafka at {settings.bootstrap_servers} did not do as asked: "
            f"{type(error).__name__} {error}.",
            hint="Check FOREWARN_KAFKA_BOOTSTRAP_SERVERS and that the brokers are up.",
        ) from error


def missing_topic(name: str) -> ConfigurationError:
    """The error for a topic that does not exist."""
    return ConfigurationError(
        f"there is no topic {name}.", hint="Create the topics with `forewarn topics apply`."
    )
