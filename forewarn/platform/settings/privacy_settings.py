"""The secret that turns phone numbers and accounts into pseudonyms."""

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from forewarn.platform.settings.section import Section


class PrivacySettings(Section):
    """The pseudonym key; without it state, logs and scores cannot be tied to people."""

    model_config = SettingsConfigDict(env_prefix="FOREWARN_PRIVACY_", extra="ignore", frozen=True)

    pseudonym_key: SecretStr = Field(
        ..., min_length=16, max_length=64, description="16 to 64 random bytes, the same everywhere"
    )
