"""Settings of the alerting service."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from forewarn.platform.settings.section import Section


class AlertingSettings(Section):
    """The case ledger: its database, its deadlines, its gateways."""

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
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="of our logs"
    )
    log_format: Literal["json", "console"] = Field("json", description="console is for people")
    public_url: str = Field(
        "http://127.0.0.1:8700", description="of the console, for links in pages to responders"
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
        "forewarn-alerting", min_length=1, description="of warnings; with -index, of calls"
    )
    replica: str = Field("", description="name of this replica in leases; empty: host and process")

    critical_deadline_seconds: int = Field(60, ge=1, description="to first response")
    high_deadline_seconds: int = Field(180, ge=1, description="to first response")
    medium_deadline_seconds: int = Field(300, ge=1, description="to first response")
    critical_contact_seconds: int = Field(
        300, ge=1, description="from taking a case to trying to reach the person"
    )
    high_contact_seconds: int = Field(900, ge=1, description="as above")
    medium_contact_seconds: int = Field(1_800, ge=1, description="as above")
    critical_outcome_seconds: int = Field(
        1_800, ge=1, description="from reaching the person to an outcome"
    )
    high_outcome_seconds: int = Field(3_600, ge=1, description="as above")
    medium_outcome_seconds: int = Field(14_400, ge=1, description="as above")
    correlation_window_seconds: int = Field(
        86_400, ge=0, description="warnings of one victim this close in event time are one scam"
    )
    attribution_window_seconds: int = Field(
        259_200, ge=0, description="a payment to the swindler within it undoes prevented loss"
    )
    report_timezone: str = Field("Asia/Shanghai", description="IANA zone of a report's days")

    routing_file: Path | None = Field(None, description="TOML; empty: one team sees everything")
    reload_seconds: float = Field(5.0, gt=0, description="how often the routing file is looked at")
    tick_seconds: float = Field(0.25, gt=0, description="pause between looks at due timers")
    timer_threads: int = Field(
        4, ge=1, le=16, description="cases worked on at once; on SQLite always one"
    )
    lease_seconds: float = Field(
        30.0, gt=0, description="after which another replica takes over a delivery"
    )
    language: Literal["zh", "en"] = Field("zh", description="of messages to people")

    gateway_timeout_seconds: float = Field(5.0, gt=0, description="of one request to a gateway")
    gateway_attempts: int = Field(6, ge=1, le=20, description="tries of one delivery")
    sms_url: str = Field("", description="SMS gateway; empty: none")
    sms_secret: SecretStr = Field(SecretStr(""), description="shared with the SMS gateway")
    voice_url: str = Field("", description="voice call-back gateway; empty: none")
    voice_secret: SecretStr = Field(SecretStr(""), description="shared with the voice gateway")
    bank_url: str = Field("", description="takes orders to hold a transfer; empty: none")
    bank_secret: SecretStr = Field(
        SecretStr(""), description="shared with the bank; needed with its address"
    )
    operator_url: str = Field("", description="takes orders to suspend a line; empty: none")
    operator_secret: SecretStr = Field(
        SecretStr(""), description="shared with the operator; needed with its address"
    )
    webhook_secret: SecretStr = Field(
        SecretStr(""), description="signs events to the webhooks of the routing file"
    )
    smtp_url: str = Field("", description="smtp://HOST:PORT or smtps://...; empty: no e-mail")
    smtp_username: str = Field("", description="for the mail server; empty: no sign-in")
    smtp_password: SecretStr = Field(SecretStr(""), description="for the mail server")
    smtp_starttls: bool = Field(
        True, description="of an smtp:// server; false sends mails (never a password) in clear"
    )
    smtp_ca_file: Path | None = Field(
        None, description="PEM; who signs the mail server's certificate; empty: the system's"
    )
    smtp_sender: str = Field("forewarn@localhost", description="address that mails come from")
    person_budget_per_day: int = Field(
        3, ge=0, description="messages to one person in 24 h, critical ones not counted"
    )

    sweep_quiet_days: int = Field(
        30, ge=1, description="nobody is told of the same swindler again within it"
    )
    sweep_max_contacts: int = Field(
        20_000, ge=1, description="a number that touched more people is swept on approval only"
    )

    timeline_days: int = Field(14, ge=0, description="calls and transfers kept for case timelines")
    contact_days: int = Field(90, ge=1, description="contacts kept for sweeps")
    personal_data_days: int = Field(
        1095, ge=1, description="after which closed cases lose numbers, accounts and names"
    )
