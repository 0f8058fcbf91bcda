"""Settings of access control: who may sign in to the console, and for how long."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from forewarn.platform.settings.section import Section


class AccessSettings(Section):
    """The password file, the OpenID Connect provider and the life of a session."""

    model_config = SettingsConfigDict(env_prefix="FOREWARN_ACCESS_", extra="ignore", frozen=True)

    users_file: Path = Field(
        Path("forewarn-users.json"), description="people who sign in with a password"
    )
    session_idle_seconds: int = Field(
        1800, ge=60, description="without a request, after which a session ends"
    )
    session_life_seconds: int = Field(43_200, ge=300, description="one shift; then sign in again")
    session_rotate_seconds: int = Field(900, ge=60, description="age at which a token is replaced")
    lockout_failures: int = Field(
        5, ge=1, description="failed sign-ins of a name from one address before it pauses"
    )
    person_requests_per_second: float = Field(20.0, gt=0, description="of one person, on average")
    service_requests_per_second: float = Field(2000.0, gt=0, description="of one key, on average")

    oidc_issuer: str = Field("", description="of the OpenID Connect provider; empty: none")
    break_glass: bool = Field(
        False, description="passwords are taken besides a provider, for when it is away; audited"
    )
    oidc_client_id: str = Field("", description="of this installation at the provider")
    oidc_client_secret: SecretStr = Field(
        SecretStr(""), description="of this installation at the provider"
    )
    oidc_scopes: str = Field("openid profile", description="asked for at sign-in")
    oidc_roles_claim: str = Field("roles", description="claim that lists a person's roles")
    oidc_tenants_claim: str = Field("tenants", description="claim that lists tenants")
    oidc_districts_claim: str = Field("districts", description="claim that lists districts")
    oidc_role_names: dict[str, str] = Field(
        default_factory=dict, description="JSON object from the provider's role names to ours"
    )
