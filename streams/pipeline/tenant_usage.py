"""What each tenant brings, beside its quotas: events, and bytes of state.

Only measured, never enforced here. An event that a worker left out would be missing in every feature after it, online and
not offline, so a tenant is slowed down where it sends (a quota of Kafka) and what it holds is decided by people.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from models.policy.policy_document import Quota, Quotas
from streams.pipeline.job import DecisionJob
from streams.pipeline.state_sample import StateSample
from streams.worker_metrics import WorkerMetrics

MAX_TENANTS: Final = 100
"""Tenants with series of their own; others share the label ``other``. The label needs a bound."""
OTHER: Final = "other"

ESTIMATE_SECONDS: Final = 5.0
"""Between two sums over the sample."""


class TenantUsage:
    """Counts the events of finished jobs by tenant, and estimates the bytes of their subscribers' records.

    Args:
        metrics: receives both, and the quotas.
        quotas: returns those of the policy in use.
        sample: of subscribers.
    """

    def __init__(
        self,
        metrics: WorkerMetrics,
        quotas: Callable[[], Quotas] = Quotas,
        sample: StateSample | None = None,
    ) -> None:
        self._metrics, self._quotas = metrics, quotas
        self._sample = sample or StateSample()
        self._tenants: set[str] = set()
        self._shown: Quotas | None = None
        self._estimated = -ESTIMATE_SECONDS

    def add(self, jobs: Sequence[DecisionJob]) -> None:
        """Count the events of finished jobs, and note the records of sampled subscribers."""
        events: Counter[str] = Counter()
        for job in jobs:
            if len(job.rows):
                tenants = [event.tenant for event in job.chunk.events]
                events.update(tenants)
                self._note_records(job, tenants)
        for tenant, count in events.items():
            self._metrics.tenant_events.labels(self._label(tenant)).inc(count)
        self._show_quotas()
        if time.monotonic() - self._estimated >= ESTIMATE_SECONDS:
            self.show_state()

    def forget(self, partition: int) -> None:
        """Leave out the subscribers of a partition that was given back."""
        self._sample.forget(partition)
        self.show_state()

    def show_state(self) -> None:
        """Set the gauges of state from the sample as it is now."""
        self._estimated = time.monotonic()
        found: Counter[str] = Counter()
        for tenant, size in self._sample.estimate().items():
            found[self._label(tenant)] += size
        for tenant in self._tenants | found.keys():
            self._metrics.tenant_state_bytes.labels(tenant).set(found[tenant])

    def _note_records(self, job: DecisionJob, tenants: Sequence[str]) -> None:
        subscribers = job.columns.subscriber[job.rows]
        events = self._sample.chosen(subscribers)
        records = job.plan.slots[job.rows[events], 0]
        events, records = events[records >= 0], records[records >= 0]
        if not len(events):
            return
        distinct, last = np.unique(records[::-1], return_index=True)  # the newest event of each
        newest = events[::-1][last]
        # The writes are those of the changed records, in their order.
        changed = job.result.changed()
        write_of = np.where(changed, np.cumsum(changed) - 1, -1)[distinct].tolist()
        number = job.partition.number
        for event, record, write in zip(newest.tolist(), distinct.tolist(), write_of, strict=True):
            # What was not written had every event already, so it is as it was loaded.
            stored = job.records[record] if write < 0 else job.writes[write].value
            self._sample.put(int(subscribers[event]), tenants[event], number, len(stored or b""))

    def _show_quotas(self) -> None:
        quotas = self._quotas()
        if quotas is self._shown:
            return
        self._shown = quotas
        for tenant in sorted(self._tenants | set(map(self._label, quotas.tenants))):
            self._show_quota(tenant, quotas.of(tenant))

    def _show_quota(self, tenant: str, quota: Quota) -> None:
        gauge = self._metrics.tenant_quota
        gauge.labels(tenant, "events_per_second").set(quota.events_per_second)
        gauge.labels(tenant, "state_bytes").set(quota.state_megabytes * 1_000_000)

    def _label(self, tenant: str) -> str:
        """The label of a tenant, which becomes known by it."""
        if tenant in self._tenants:
            return tenant
        if len(self._tenants) >= MAX_TENANTS:
            return OTHER
        self._tenants.add(tenant)
        if self._shown is not None:
            self._show_quota(tenant, self._shown.of(tenant))
        return tenant
