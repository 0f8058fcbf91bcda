"""Settings of logs, the same for every process."""

from typing import Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from forewarn.platform.settings.section import Section


class LogSettings(Section):
    """Logs of workers and of the alerting service."""

    model_config = SettingsConfigDict(env_prefix="FOREWARN_LOG_", extra="ignore", frozen=True)

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="least severe lines that are written"
    )
    format: Literal["json", "console"] = Field(
        "json", description="json for collectors, console for people"
    )
