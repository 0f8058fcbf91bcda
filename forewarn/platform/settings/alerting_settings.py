"""Settings of the alerting service."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import NoDecode, SettingsConfigDict

from forewarn.platform.settings.alerting_options import AlertingOptions
from forewarn.platform.settings.section import Section, load
from forewarn.platform.settings.toml_document import load_toml


class AlertingSettings(Section):
    """The case ledger: its database, its addresses, its secrets; all else is in alerting.toml."""

    model_config = SettingsConfigDict(env_prefix="FOREWARN_ALERTING_", extra="ignore", frozen=True)

    database_url: str = Field(
        "sqlite:///forewarn-alerting.db",
        description="sqlite:///FILE, or postgresql+psycopg://USER:PASSWORD@HOST/DATABASE",
    )
    host: str = Field("127.0.0.1", description="address the API and the console listen on")
    port: int = Field(8700, ge=0, le=65535, description="0 takes a free port and prints it")
    metrics_port: int = Field(
        8701,
        ge=0,
        le=65535,
        description="probes and metrics, without keys: for Kubernetes and Prometheus, not an ingress",
    )
    public_url: str = Field(
        "http://127.0.0.1:8700",
        description="address of the console, for links in pages to responders",
    )
    trusted_proxies: str = Field(
        "",
        description="addresses and networks of proxies in front, by commas; they tell clients apart",
    )
    api_key: SecretStr = Field(
        SecretStr(""), description="service key for API clients; empty means that none is accepted"
    )
    kafka_enabled: bool = Field(True, description="read warnings from Kafka, publish outcomes")
    index_enabled: bool = Field(
        True, description="read calls and transfers for the contact index and the case timeline"
    )
    consumer_group: str = Field(
        "forewarn-alerting",
        min_length=1,
        description="consumer group of warnings; with -index, that of calls and transfers",
    )
    replica: str = Field("", description="name of this replica in leases; empty: host and process")

    routing_file: Path | None = Field(None, description="TOML; empty: one team sees everything")
    playbooks_file: Path | None = Field(
        None, description="TOML; empty: the playbooks that the package brings"
    )
    options_file: Path | None = Field(
        None, description="alerting.toml: deadlines, gateways, mail, retention; empty: the defaults"
    )
    sms_secret: SecretStr = Field(SecretStr(""), description="shared with the SMS gateway")
    voice_secret: SecretStr = Field(SecretStr(""), description="shared with the voice gateway")
    bank_secret: SecretStr = Field(
        SecretStr(""), description="shared with the bank; needed with its address"
    )
    operator_secret: SecretStr = Field(
        SecretStr(""), description="shared with the operator; needed with its address"
    )
    webhook_secret: SecretStr = Field(
        SecretStr(""),
        description="signs events to the webhooks of the routing file; of cases with a key derived from it",
    )
    smtp_password: SecretStr = Field(SecretStr(""), description="password for the mail server")

    # From the file, never from the environment: NoDecode refuses a variable of that name.
    options: Annotated[AlertingOptions, NoDecode] = Field(
        AlertingOptions(), description="the content of the options file"
    )


def load_alerting(**overrides: object) -> AlertingSettings:
    """Read the settings of the alerting service, the options file included.

    Raises:
        ConfigurationError: naming the variable, or the field and line of the file.
    """
    settings = load(AlertingSettings, **overrides)
    if settings.options_file is None:
        return settings
    options = load_toml(settings.options_file, AlertingOptions)
    return settings.model_copy(update={"options": options})
