"""Settings of the model registry and the policy, and the requirements of workers on models."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from forewarn.platform.settings.section import Section


class ModelsSettings(Section):
    """The registry, the policy file and the signing key."""

    model_config = SettingsConfigDict(env_prefix="FOREWARN_MODELS_", extra="ignore", frozen=True)

    registry: str = Field(
        "forewarn-models", description="folder, or s3://bucket/prefix, of the model registry"
    )
    cache_dir: Path = Field(
        Path("/tmp/forewarn-models"),  # noqa: S108  # a cache: every artifact in it is verified
        description="where artifacts of a remote registry are copied to before they are loaded",
    )
    signing_key: SecretStr = Field(
        SecretStr(""), description="if set, artifacts are signed with it and must be"
    )
    mlflow_uri: str = Field("", description="tracking store, for example sqlite:///mlflow.db")
