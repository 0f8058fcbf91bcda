"""Settings of Redis: its address and the time to wait for it."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from forewarn.platform.settings.section import Section


class RedisSettings(Section):
    """Connection to the state store."""

    model_config = SettingsConfigDict(env_prefix="FOREWARN_REDIS_", extra="ignore", frozen=True)

    url: str = Field(
        "redis://127.0.0.1:6379/0",
        description="redis://, rediss:// for TLS, or unix:// with the socket's path",
    )
    cluster: bool = Field(False, description="true for Redis Cluster")
    username: str = Field("", description="user of Redis' access list; empty: the default user")
    password: SecretStr = Field(SecretStr(""), description="empty: none")
    ssl_ca_file: Path | None = Field(None, description="PEM file of the authority of the server")
    ssl_cert_file: Path | None = Field(None, description="PEM file of the client certificate")
    ssl_key_file: Path | None = Field(None, description="PEM file of the client key")
    timeout_seconds: float = Field(
        1.0, gt=0, description="longest wait for one command, and for a connection"
    )
    retry_seconds: float = Field(15.0, ge=0, description="bound on retries before consuming stops")
    key_prefix: str = Field(
        "fw",
        pattern=r"^[a-z0-9]{1,8}$",
        description="beginning of every key; installations on one Redis need different ones",
    )
