"""Settings of traces, for installations with a tracing backend."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from forewarn.platform.settings.section import Section


class TraceSettings(Section):
    """Tracing by OpenTelemetry; off unless an address is given."""

    model_config = SettingsConfigDict(env_prefix="FOREWARN_TRACE_", extra="ignore", frozen=True)

    endpoint: str = Field(
        "", description="OTLP over HTTP, such as http://collector:4318/v1/traces; empty: no spans"
    )
