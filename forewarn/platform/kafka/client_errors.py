"""One place where the errors of Kafka's clients become errors that say what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

from kafka.errors import KafkaError, UnknownTopicOrPartitionError

from forewarn.errors import ConfigurationError, DependencyUnavailableError
from forewarn.platform.settings import KafkaSettings

HINT = (
    "Check FOREWARN_KAFKA_BOOTSTRAP_SERVERS and that the brokers run; the settings of a stack on this machine "
    "are in its file stack.env (`set -a; . .forewarn/stack.env`)."
)


@contextmanager
def explained(settings: KafkaSettings) -> Iterator[None]:
    """Around every use of a client.

    Raises:
        ConfigurationError: if a topic is missing.
        DependencyUnavailableError: for anything else that the client raises.
    """
    with explained_at(settings.bootstrap_servers):
        yield


@contextmanager
def explained_at(servers: str) -> Iterator[None]:
    """The same for code that is given the client's arguments; ``servers`` are named in the error.

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
            f"Kafka at {servers} did not do what was asked: {in_words(error)}.", hint=HINT
        ) from error


def in_words(error: KafkaError) -> str:
    """The error's name once, with what the client says of it."""
    name, said = type(error).__name__, str(error).strip().rstrip(".")
    return said if name in said else f"{name} {said}".strip()


def missing_topic(name: str) -> ConfigurationError:
    """The error for a topic that does not exist."""
    return ConfigurationError(
        f"there is no topic {name}.", hint="Create the topics with `forewarn topics apply`."
    )
