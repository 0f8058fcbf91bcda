"""What Faust would take from the environment without the settings of this software."""

from unittest.mock import Mock

import pytest

from forewarn.errors import ConfigurationError
from forewarn.platform.settings import KafkaSettings, WorkerSettings
from streams.worker.faust_app import create_app


def test_static_membership_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two workers of one id are not fenced; both would count every event."""
    monkeypatch.setenv("CONSUMER_GROUP_INSTANCE_ID", "worker-0")
    with pytest.raises(ConfigurationError, match="CONSUMER_GROUP_INSTANCE_ID is set"):
        create_app(
            KafkaSettings(),
            WorkerSettings(),
            Mock(),
            broker_options={"broker": "chunked://127.0.0.1:1"},
        )
