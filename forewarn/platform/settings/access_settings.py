"""Settings of access control: who may sign in to the console."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from forewarn.platform.settings.section import Section


class AccessSettings(Section):
    """The password file and the OpenID Connect provider; sessions and claims are in alerting.toml."""

    model_config = SettingsConfigDict(env_prefix="FOREWARN_ACCESS_", extra="ignore", frozen=True)

    users_file: Path = Field(
        Path("forewarn-users.json"), description="people who sign in with a password"
    )
    oidc_issuer: str = Field("", description="issuer of the OpenID Connect provider; empty: none")
    break_glass: bool = Field(
        False, description="passwords are taken besides a provider, for when it is away; audited"
    )
    oidc_client_id: str = Field("", description="client id of this installation at the provider")
    oidc_client_secret: SecretStr = Field(
        SecretStr(""), description="secret of this installation at the provider"
    )
