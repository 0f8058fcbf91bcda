"""Settings of the decision service."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from forewarn.platform.settings.section import Section


class DecideSettings(Section):
    """One replica of the decision service, which answers banks; its policy is that of the workers."""

    model_config = SettingsConfigDict(env_prefix="FOREWARN_DECIDE_", extra="ignore", frozen=True)

    host: str = Field("127.0.0.1", description="address that banks connect to")
    port: int = Field(8750, ge=0, le=65535, description="0 takes a free port and prints it")
    probe_host: str = Field(
        "127.0.0.1", description="address of probes and metrics, which need no key"
    )
    probe_port: int = Field(8751, ge=0, le=65535, description="probes and metrics; 0 for any free")
    keys_file: Path | None = Field(
        None, description="TOML: the keys of the banks; without it nothing is answered"
    )
    answer_partition: int | None = Field(
        None,
        ge=0,
        description="partition of the topic answers that this replica reads; empty: any. Replicas may share one",
    )
    deadline_ms: int = Field(
        300,
        ge=20,
        le=10_000,
        description="deadline of a question that names none; after it the fallback answers",
    )
    deadline_ms_max: int = Field(
        5_000, ge=20, le=60_000, description="a longer deadline is refused"
    )
    language: Literal["en", "zh"] = Field(
        "en",
        description="language of answers to a bank whose key and header Accept-Language name none",
    )
    in_flight: int = Field(512, ge=1, le=100_000, description="questions that may wait at once")
    overload: Literal["fallback", "refuse"] = Field(
        "fallback", description="what more questions get at once: the fallback, or status 429"
    )
    answers_hours: int = Field(
        48, ge=1, le=24 * 31, description="how long the same question gets the same answer"
    )
    store_timeout_seconds: float = Field(
        0.1, gt=0, description="longest wait for Redis within one question"
    )
    spool_dir: Path | None = Field(
        None,
        description="where events wait for Kafka whose caller asked for it; without it none does",
    )
    spool_events: int = Field(10_000, ge=1, description="most events that wait in the spool")
    tls_cert_file: Path | None = Field(
        None, description="PEM file of the certificate of the service"
    )
    tls_key_file: Path | None = Field(None, description="PEM file of its key")
    tls_client_ca_file: Path | None = Field(
        None,
        description="PEM file of the authority of the banks; with it their certificates are demanded",
    )
