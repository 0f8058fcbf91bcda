"""Settings of the console: how it presents itself."""

from typing import Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from forewarn.platform.settings.section import Section


class ConsoleSettings(Section):
    """Language, currency and the target of the report."""

    model_config = SettingsConfigDict(env_prefix="FOREWARN_CONSOLE_", extra="ignore", frozen=True)

    language: Literal["zh", "en"] = Field(
        "zh", description="for browsers that ask for neither Chinese nor English"
    )
    currency: str = Field("CNY", pattern=r"^[A-Z]{3}$", description="ISO 4217, of the report")
    daily_target_minor: int = Field(
        200_000_000, ge=0, description="prevented loss a day to be held against; 0 for none"
    )
