"""Topics are compared, created and repaired on a real broker; a wrong shape stops a worker."""

import pytest

from forewarn.contracts.topics import topic_specs
from forewarn.errors import ConfigurationError, DependencyUnavailableError
from forewarn.local import KafkaBroker
from forewarn.platform.kafka.topic_administration import TopicAdministration, require_copartitioned
from forewarn.platform.kafka.topic_differences import (
    TopicState,
    check_copartitioned,
    check_outputs,
    drifts,
)
from forewarn.platform.settings import KafkaSettings


def _settings(**values: object) -> KafkaSettings:
    return KafkaSettings(**({"replication_factor": 1, "partitions": 3} | values))


def test_a_topic_that_is_as_wanted_has_no_drift() -> None:
    specs = topic_specs(_settings()).values()
    states = {
        spec.name: TopicState(spec.partitions, 1, dict(spec.config) | {"segment.ms": "1"})
        for spec in specs
    }
    assert drifts(specs, states) == []


def test_every_kind_of_drift_is_named_and_only_some_kinds_can_be_repaired() -> None:
    specs = [topic_specs(_settings())[name] for name in ("calls", "transfers", "scores")]
    fine = dict(specs[0].config)
    states = {
        "transfers": TopicState(5, 2, fine),
        "scores": TopicState(2, 1, fine | {"retention.ms": "1"}),
    }
    found = {(drift.topic, drift.fault): drift.repairable for drift in drifts(specs, states)}
    assert found == {
        ("calls", "missing"): True,
        ("transfers", "too_many_partitions"): False,
        ("transfers", "replication"): False,
        ("scores", "too_few_partitions"): True,
        ("scores", "config"): True,
    }


@pytest.mark.parametrize(
    ("partitions", "complaint"),
    [
        ({"calls": 4, "transfers": None}, "do not exist: transfers.*topics apply"),
        ({"calls": 4, "transfers": 6}, "calls has 4, transfers has 6.*rebuild"),
    ],
)
def test_sources_that_are_not_copartitioned_stop_the_start(
    partitions: dict[str, int | None], complaint: str
) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        check_copartitioned(partitions)


def test_a_worker_does_not_start_without_room_for_its_outputs() -> None:
    """The first warning of the last partition would stop it in the middle of its work."""
    needed = {"warnings": 6, "scores": 6, "dead-letters": 1}
    check_outputs(needed, {"warnings": 6, "scores": 8, "dead-letters": 1})
    with pytest.raises(ConfigurationError, match=r"dead-letters has 0 of 1.*warnings has 3 of 6"):
        check_outputs(needed, {"warnings": 3, "scores": 6})


@pytest.mark.system
def test_apply_creates_repairs_and_never_moves_keys_without_consent(
    kafka: KafkaBroker, topic_prefix: str
) -> None:
    where = {"bootstrap_servers": kafka.bootstrap_servers, "topic_prefix": topic_prefix}
    with pytest.raises(ConfigurationError, match="do not exist"):
        require_copartitioned(_settings(**where))
    with TopicAdministration(_settings(**where)) as topics:
        repaired, remaining = topics.apply()
        topics.require_outputs(3)
        with pytest.raises(ConfigurationError, match="3 of 4"):
            topics.require_outputs(4)
        assert {drift.fault for drift in repaired} == {"missing"}
        assert not remaining
        assert topics.check() == []

    with TopicAdministration(_settings(**where, partitions=5, retention_hours=7)) as topics:
        repaired, remaining = topics.apply()
        assert {drift.fault for drift in repaired} == {"config"}
        assert {drift.fault for drift in remaining} == {"too_few_partitions"}
        topics.apply(grow=True)
        assert topics.check() == []
    assert require_copartitioned(_settings(**where)) == 5


def test_a_cluster_that_does_not_answer_is_named() -> None:
    settings = _settings(bootstrap_servers="127.0.0.1:1", request_timeout_seconds=0.3)
    with pytest.raises(DependencyUnavailableError, match=r"127\.0\.0\.1:1.*BOOTSTRAP_SERVERS"):
        require_copartitioned(settings)
