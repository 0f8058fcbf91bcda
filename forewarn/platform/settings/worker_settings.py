"""Settings of a stream worker: batches, bounds, ports, model and policy."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from forewarn.contracts import Acceptance
from forewarn.platform.settings.section import Section


class WorkerSettings(Section):
    """One worker process."""

    model_config = SettingsConfigDict(env_prefix="FOREWARN_WORKER_", extra="ignore", frozen=True)

    group: str = Field("forewarn", description="consumer group and Faust app id")
    policy_file: Path | None = Field(None, description="TOML; the built-in policy where not set")
    data_dir: Path = Field(Path(".forewarn/worker"), description="Faust's own files")
    lanes: int = Field(
        1,
        ge=1,
        le=16,
        description="loops over batches, each with partitions and a producer of its own",
    )
    batch_events: int = Field(1000, ge=1, le=20_000, description="most events in one batch")
    buffered_events: int = Field(
        8000, ge=1, description="most events held per partition before fetching pauses"
    )
    align_seconds: float = Field(
        0.5, ge=0, description="longest wait for the other topic when it is behind in event time"
    )
    future_seconds: int = Field(
        300, ge=0, description="an event dated later than this after its append is rejected"
    )
    currency: str = Field(
        "CNY",
        pattern=r"^[A-Z]{3}$",
        description="ISO 4217; a transfer in another is rejected, since amounts are added up",
    )
    session_seconds: float = Field(
        10.0, ge=6, le=60, description="a worker that is silent this long loses its partitions"
    )
    commit_interval_seconds: float = Field(
        1.0, gt=0, description="time between commits of offsets to Kafka"
    )
    drain_seconds: float = Field(20.0, gt=0, description="bound on finishing work after SIGTERM")
    stuck_seconds: float = Field(
        60.0, gt=0, description="a batch without progress for this long fails liveness"
    )
    health_host: str = Field(
        "0.0.0.0",  # noqa: S104 - probes come from outside the pod
        description="address that probes and metrics are served on",
    )
    health_port: int = Field(8081, ge=0, le=65535, description="probes and metrics; 0 for any free")

    @property
    def acceptance(self) -> Acceptance:
        """What the workers take for an event."""
        return Acceptance(future_ms=self.future_seconds * 1000, currency=self.currency)
