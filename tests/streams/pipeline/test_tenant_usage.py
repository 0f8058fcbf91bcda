"""Events and state by tenant: counted, estimated from a bounded sample, shown beside the quotas."""

from types import SimpleNamespace

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from models.policy import DEFAULT_POLICY, parse_policy
from models.policy.policy_document import Quota, Quotas
from streams.pipeline.job import DecisionJob
from streams.pipeline.state_sample import StateSample
from streams.pipeline.tenant_usage import MAX_TENANTS, OTHER, TenantUsage
from streams.worker_metrics import WorkerMetrics


def job_of(
    tenants: list[str], subscribers: list[int], sizes: dict[int, int], partition: int = 0
) -> DecisionJob:
    """A finished chunk: one event each, and records whose packed sizes are given by subscriber.

    A record of another subscriber than these was loaded, with a hundred bytes, and not written.
    """
    known = list(dict.fromkeys(subscribers))
    slots = np.array([[known.index(one), -1, -1] for one in subscribers])
    keys = [f"s:{one}".encode() for one in known]
    writes = [
        SimpleNamespace(key=key, value=bytes(sizes[one]))
        for key, one in zip(keys, known, strict=True)
        if one in sizes
    ]
    job: object = SimpleNamespace(
        rows=np.arange(len(subscribers)),
        columns=SimpleNamespace(subscriber=np.array(subscribers, np.uint64)),
        chunk=SimpleNamespace(events=[SimpleNamespace(tenant=tenant) for tenant in tenants]),
        plan=SimpleNamespace(slots=slots, keys=keys),
        partition=SimpleNamespace(number=partition),
        writes=writes,
        result=SimpleNamespace(changed=lambda: np.array([one in sizes for one in known])),
        records=[bytes(100)] * len(keys),
    )
    return job  # type: ignore[return-value]


class Usage:
    def __init__(self, quotas: Quotas | None = None, most: int = 4096) -> None:
        self.registry = CollectorRegistry()
        self.quotas = quotas or Quotas()
        self.usage = TenantUsage(
            WorkerMetrics(self.registry), lambda: self.quotas, StateSample(most)
        )

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"forewarn_worker_tenant_{name}", labels)


def test_each_event_counts_for_its_tenant_and_each_record_once() -> None:
    it = Usage()
    it.usage.add([job_of(["a", "a", "b"], [1, 1, 2], {1: 700, 2: 90})])
    it.usage.add([job_of(["a"], [1], {1: 720})])
    it.usage.show_state()
    assert it.value("events_total", tenant="a") == 3
    assert it.value("events_total", tenant="b") == 1
    assert it.value("state_bytes", tenant="a") == 720
    assert it.value("state_bytes", tenant="b") == 90


def test_a_subscriber_who_moves_to_another_tenant_counts_for_that_one() -> None:
    it = Usage()
    it.usage.add([job_of(["a", "b"], [1, 1], {1: 500})])
    it.usage.show_state()
    assert it.value("state_bytes", tenant="b") == 500
    assert not it.value("state_bytes", tenant="a")


def test_a_record_that_had_every_event_already_counts_as_it_was_loaded() -> None:
    it = Usage()
    it.usage.add([job_of(["a", "a"], [1, 2], {2: 40})])
    it.usage.show_state()
    assert it.value("state_bytes", tenant="a") == 140


def test_what_another_worker_has_from_now_on_is_not_counted_here() -> None:
    it = Usage()
    it.usage.add([job_of(["a"], [1], {1: 500}, partition=3), job_of(["a"], [2], {2: 80})])
    it.usage.forget(3)
    assert it.value("state_bytes", tenant="a") == 80


def test_quotas_are_shown_for_known_and_for_named_tenants_and_follow_the_policy() -> None:
    it = Usage(Quotas(events_per_second=50, tenants={"named": Quota(state_megabytes=3)}))
    it.usage.add([job_of(["seen"], [1], {1: 1})])
    assert it.value("quota", tenant="seen", what="events_per_second") == 50
    assert it.value("quota", tenant="named", what="events_per_second") == 0
    assert it.value("quota", tenant="named", what="state_bytes") == 3_000_000
    it.quotas = Quotas(events_per_second=70)
    it.usage.add([])
    assert it.value("quota", tenant="seen", what="events_per_second") == 70
    assert it.value("quota", tenant="named", what="state_bytes") == 0


def test_the_label_has_a_bound() -> None:
    it = Usage()
    tenants = [f"t{number}" for number in range(MAX_TENANTS + 5)]
    it.usage.add([job_of(tenants, list(range(1, len(tenants) + 1)), dict.fromkeys(range(999), 1))])
    assert it.value("events_total", tenant=OTHER) == 5
    assert it.value("events_total", tenant="t0") == 1


@pytest.mark.parametrize("share", [0.5, 0.05])
def test_the_sample_is_bounded_and_estimates_without_bias(share: float) -> None:
    """Over many draws of pseudonyms, the mean estimate is the truth, and no sample exceeds its bound."""
    dice = np.random.default_rng(11)
    people, most, estimates, true = 4_000, 256, [], 0
    for _ in range(40):
        sample = StateSample(most)
        pseudonyms = dice.integers(0, 1 << 64, people, np.uint64).tolist()
        for number, who in enumerate(pseudonyms):
            tenant = "small" if number < people * share else "large"
            sample.put(who, tenant, 0, 100 + number % 900)
        assert len(sample._records) <= most
        estimates.append(sample.estimate().get("small", 0))
        true = sum(100 + number % 900 for number in range(int(people * share)))
    error = np.std(estimates) / np.sqrt(len(estimates))
    assert abs(np.mean(estimates) - true) < 4 * error
    assert error < true * 0.1


def test_only_drawn_subscribers_are_looked_at() -> None:
    sample = StateSample(2)
    for who in (8, 16, 24, 5):
        sample.put(who, "a", 0, 10)
    assert sample.estimate()["a"] == 10 * len(sample._records) * (sample._mask + 1)
    chosen = sample.chosen(np.array([16, 5, 7], np.uint64))
    assert all(int(who) & sample._mask == 0 for who in np.array([16, 5, 7])[chosen])


def test_a_policy_names_quotas_and_the_default_has_none() -> None:
    default = DEFAULT_POLICY.read_bytes()
    assert parse_policy(default)[0].quotas == Quotas()
    more = default.replace(
        b"state_megabytes = 0",
        b"state_megabytes = 0\ntenants = { north = { events_per_second = 9 } }",
    )
    quotas = parse_policy(more)[0].quotas
    assert quotas.of("north") == Quota(events_per_second=9)
    assert quotas.of("south") == quotas
