"""Settings of Kafka: addresses, security, topics and timeouts."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from forewarn.platform.settings.section import Section


class KafkaSettings(Section):
    """Connection to Kafka and the shape of the topics."""

    model_config = SettingsConfigDict(env_prefix="FOREWARN_KAFKA_", extra="ignore", frozen=True)

    bootstrap_servers: str = Field("127.0.0.1:9092", description="host:port, comma separated")
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="TLS, and whether there is a user name and a password"
    )
    ssl_ca_file: Path | None = Field(None, description="PEM file of the authority of the brokers")
    ssl_cert_file: Path | None = Field(None, description="PEM file of the client certificate")
    ssl_key_file: Path | None = Field(None, description="PEM file of the client key")
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="how the password is proved"
    )
    sasl_username: str = Field("", description="user of the SASL protocols")
    sasl_password: SecretStr = Field(SecretStr(""), description="password of the SASL protocols")
    topic_prefix: str = Field(
        "", pattern=r"^[a-zA-Z0-9._-]*$", description="put before the name of every topic"
    )
    partitions: int = Field(16, ge=1, le=4096, description="partitions of every keyed topic")
    replication_factor: int = Field(3, ge=1, le=7, description="copies of every partition")
    retention_hours: int = Field(
        24 * 14, ge=1, description="how long calls, transfers and warnings are kept"
    )
    outcomes_retention_hours: int = Field(
        24 * 365,
        ge=1,
        description="how long outcomes are kept, which hold numbers: export what training needs",
    )
    dead_letters_retention_hours: int = Field(
        24 * 30,
        ge=1,
        description="how long rejected records are kept, which hold numbers: correct and replay them before",
    )
    request_timeout_seconds: float = Field(
        20.0, gt=0, description="longest wait for one request to a broker"
    )

    @field_validator("bootstrap_servers")
    @classmethod
    def _addresses(cls, value: str) -> str:
        for server in value.split(","):
            host, colon, port = server.strip().rpartition(":")
            if colon and not (host and port.isdecimal() and 0 < int(port) <= 65535):
                raise ValueError(f"{server.strip()!r} is not host:port")
        return value
