"""From settings to the arguments of kafka-python, aiokafka and Faust.

Timeouts are left to the clients, whose constraints between them differ, except where a function
says otherwise, and for the first connection, whose bound is ``request_timeout_seconds``.
"""

import ssl
from typing import Any

from forewarn.errors import ConfigurationError
from forewarn.platform.settings import KafkaSettings


def client_arguments(settings: KafkaSettings) -> dict[str, Any]:
    """Where and how to connect, for kafka-python's producer, consumer and admin client.

    Every producer has to leave ``partitioner`` alone: kafka-python's default is the murmur2 of the
    Java client, so that all producers agree on the partition of a subscriber.

    Raises:
        ConfigurationError: for a missing file or credential.
    """
    return {
        "bootstrap_servers": settings.bootstrap_servers.split(","),
        "client_id": "forewarn",
        "bootstrap_timeout_ms": int(settings.request_timeout_seconds * 1000),
        **_security(settings),
    }


def aiokafka_arguments(settings: KafkaSettings) -> dict[str, object]:
    """The same for aiokafka's clients; raises ConfigurationError."""
    return {
        "bootstrap_servers": settings.bootstrap_servers,
        "client_id": "forewarn",
        "request_timeout_ms": int(settings.request_timeout_seconds * 1000),
        **_security(settings),
    }


def faust_credentials(settings: KafkaSettings) -> object:
    """``broker_credentials`` for a Faust app, None for a plaintext connection.

    Raises:
        ConfigurationError: for a missing file or credential.
    """
    from faust.auth import SASLCredentials, SSLCredentials  # noqa: PLC0415  a second to import

    arguments = _security(settings)
    context = arguments.get("ssl_context")
    if "sasl_mechanism" in arguments:
        return SASLCredentials(
            username=arguments["sasl_plain_username"],
            password=arguments["sasl_plain_password"],
            ssl_context=context,  # with one Faust speaks SASL_SSL, without SASL_PLAINTEXT
            mechanism=arguments["sasl_mechanism"],
        )
    return SSLCredentials(context=context) if context is not None else None


def ssl_context(settings: KafkaSettings) -> ssl.SSLContext | None:
    """TLS as the settings want it, or None for a connection without TLS.

    Raises:
        ConfigurationError: if a file is missing or is not PEM.
    """
    if settings.security_protocol not in ("SSL", "SASL_SSL"):
        return None
    if settings.ssl_key_file and not settings.ssl_cert_file:
        raise ConfigurationError(
            "FOREWARN_KAFKA_SSL_KEY_FILE is set without FOREWARN_KAFKA_SSL_CERT_FILE.",
            hint="Give both for a client certificate, or neither.",
        )
    try:
        context = ssl.create_default_context(
            cafile=str(settings.ssl_ca_file) if settings.ssl_ca_file else None
        )
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if settings.ssl_cert_file:
            context.load_cert_chain(settings.ssl_cert_file, settings.ssl_key_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"the TLS files for Kafka cannot be read: {error}.",
            hint="Check FOREWARN_KAFKA_SSL_CA_FILE, _CERT_FILE and _KEY_FILE.",
        ) from error
    return context


def _security(settings: KafkaSettings) -> dict[str, object]:
    arguments: dict[str, object] = {"security_protocol": settings.security_protocol}
    context = ssl_context(settings)
    if context is not None:
        arguments["ssl_context"] = context
    if settings.security_protocol.startswith("SASL"):
        password = settings.sasl_password.get_secret_value()
        if not settings.sasl_username or not password:
            raise ConfigurationError(
                f"{settings.security_protocol} needs a user name and a password.",
                hint="Set FOREWARN_KAFKA_SASL_USERNAME and FOREWARN_KAFKA_SASL_PASSWORD.",
            )
        arguments |= {
            "sasl_mechanism": settings.sasl_mechanism,
            "sasl_plain_username": settings.sasl_username,
            "sasl_plain_password": password,
        }
    return arguments
