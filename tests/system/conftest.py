"""A small model for tests that run the whole pipeline, trained once a session."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from forewarn.errors import ForewarnError
from forewarn.local.kafka_broker import java
from forewarn.local.kafka_jars import kafka_jars
from forewarn.local.redis_server import redis_binary
from forewarn.platform.settings import ModelsSettings
from forewarn.simulator import Scenario
from forewarn.simulator.default_training import train_default
from models.registry import open_registry

# Just large enough that every part of the split has some fraud.
SMALL_TOWN = Scenario(seed=20, subscribers=350, days=24, prevalence=0.04, report_share=0.9)


@pytest.fixture(scope="session")
def servers(require: Callable[[bool, str], None]) -> None:
    """Skip (fail in CI) where Kafka or Redis cannot be had; whatever fails later is a fault."""
    try:
        kafka_jars()
        redis_binary()
        java()
    except ForewarnError as error:
        require(False, str(error))


@pytest.fixture(scope="session")
def model_registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry with a champion that fits the catalog."""
    root = tmp_path_factory.mktemp("registry") / "models"
    settings = ModelsSettings(registry=str(root))
    train_default(open_registry(settings), now_ms=time.time_ns() // 1_000_000, scenario=SMALL_TOWN)
    return root
