"""Settings of the local stack, which ``forewarn up`` and ``forewarn demo`` run on one machine."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from forewarn.platform.settings.section import Section


class LocalSettings(Section):
    """One machine: where its data lie and which ports it takes."""

    model_config = SettingsConfigDict(env_prefix="FOREWARN_LOCAL_", extra="ignore", frozen=True)

    directory: Path = Field(Path(".forewarn"), description="data, logs and keys of the stack")
    workers: int = Field(1, ge=1, le=16, description="stream worker processes")
    partitions: int = Field(8, ge=1, le=256, description="partitions of every keyed topic")
    kafka_port: int = Field(0, ge=0, le=65535, description="0 takes any free one")
    redis_port: int = Field(0, ge=0, le=65535, description="0 takes any free one")
    alerting_port: int = Field(0, ge=0, le=65535, description="0 takes any free one")
    decide_port: int = Field(0, ge=0, le=65535, description="0 takes any free one")
    start_seconds: float = Field(90.0, gt=0, description="bound on the start of each part")
