"""Prometheus metrics of a worker; labels have bounded sets of values, and none names a person."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import product
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

from forewarn.contracts.dead_letter import DeadLetterReason
from forewarn.contracts.fraud_warning import Action, Severity, Typology
from models.policy.decision import DecisionReason
from models.serving.drift import Judged
from streams.array_histogram import ArrayHistogram

STAGES = ("decode", "load", "kernel", "score", "decide", "write", "produce", "settle")
"""Steps of a batch in order; their sum is the duration of a batch."""

MAX_MODELS = 20
"""Models with a label of their own: outcomes name their model, and a label needs a bound."""

_STAGE_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
# Dense around the objective: 99 % of warnings within 50 ms of the append at half load.
_LATENCY_SECONDS = (0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.075, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0)
_BATCH_EVENTS = (1, 5, 20, 50, 100, 200, 500, 1000, 2000, 5000)
_PROBABILITIES = (0.0001, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 0.99)


class WorkerMetrics:
    """All metrics of one worker, in one registry.

    Args:
        registry: receives the metrics; a new one in tests.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._create_event_metrics(registry)
        self._create_latency_metrics(registry)
        self._create_decision_metrics(registry)
        self._create_model_metrics(registry)
        self._create_state_metrics(registry)
        self._create_consumer_metrics(registry)
        self._create_reload_metrics(registry)
        self._create_tenant_metrics(registry)
        self._declare()

    def _create_event_metrics(self, r: CollectorRegistry) -> None:
        self.events = Counter(
            "forewarn_worker_events", "Events applied, by source topic.", ["source"], registry=r
        )
        self.redelivered = Counter(
            "forewarn_worker_redelivered_events",
            "Records skipped because an earlier delivery was processed completely.",
            ["source"],
            registry=r,
        )
        self.late = Counter(
            "forewarn_worker_late_events",
            "Events dated over a minute before the newest event seen in their partition.",
            ["source"],
            registry=r,
        )
        self.dead_letters = Counter(
            "forewarn_worker_dead_letters", "Records rejected, by reason.", ["reason"], registry=r
        )

    def _create_latency_metrics(self, r: CollectorRegistry) -> None:
        self.batch_events = Histogram(
            "forewarn_worker_batch_events",
            "Events in one batch.",
            buckets=_BATCH_EVENTS,
            registry=r,
        )
        self.stage_seconds = Histogram(
            "forewarn_worker_stage_seconds",
            "Time of one stage of one batch.",
            ["stage"],
            buckets=_STAGE_SECONDS,
            registry=r,
        )
        self.event_seconds = Histogram(
            "forewarn_worker_event_to_score_seconds",
            "From Kafka's append of an event to the acknowledgement of its outputs; the oldest "
            "event of each chunk is observed.",
            buckets=_LATENCY_SECONDS,
            registry=r,
        )
        self.warning_seconds = Histogram(
            "forewarn_worker_event_to_warning_seconds",
            "From Kafka's append of an event to the acknowledgement of its warning.",
            buckets=_LATENCY_SECONDS,
            registry=r,
        )

    def _create_decision_metrics(self, r: CollectorRegistry) -> None:
        self.warnings = Counter(
            "forewarn_worker_warnings",
            "Messages on the warnings topic.",
            ["action", "severity", "typology"],
            registry=r,
        )
        self.decisions = Counter(
            "forewarn_worker_decisions",
            "Decisions on events that reached the policy, by reason.",
            ["reason"],
            registry=r,
        )
        self.probability = ArrayHistogram(
            "forewarn_worker_score_probability",
            "Calibrated probability of each event.",
            _PROBABILITIES,
        )
        r.register(self.probability)
        self.challenger_probability = ArrayHistogram(
            "forewarn_worker_challenger_probability",
            "Calibrated probability of each event by the challenger, which only logs.",
            _PROBABILITIES,
        )
        r.register(self.challenger_probability)
        self.disagreements = Counter(
            "forewarn_worker_challenger_disagreements",
            "Events above the threshold of one model only, by that model.",
            ["model"],
            registry=r,
        )

    def _create_model_metrics(self, r: CollectorRegistry) -> None:
        self.drift = Gauge(
            "forewarn_worker_drift_psi",
            "Population stability index of a feature, or of the score, against training.",
            ["feature"],
            registry=r,
        )
        self._expected_frauds = Counter(
            "forewarn_worker_calibration_expected_frauds",
            "Sum of the probabilities of warnings whose outcome is known, by model.",
            ["model"],
            registry=r,
        )
        self._observed_frauds = Counter(
            "forewarn_worker_calibration_observed_frauds",
            "Warnings with a known outcome that were frauds, by model; equals the expected number "
            "while the calibration holds.",
            ["model"],
            registry=r,
        )
        self._judged_models: set[str] = set()
        self.model_faults = Counter(
            "forewarn_worker_model_faults",
            "Failures of a model in use, by part; a failing champion is replaced by its predecessor, "
            "a failing challenger is dropped.",
            ["what"],
            registry=r,
        )

    def _create_state_metrics(self, r: CollectorRegistry) -> None:
        self.conflicts = Counter(
            "forewarn_worker_state_conflicts",
            "Record writes that lost a race and were applied again to the newer record.",
            registry=r,
        )
        self.fenced = Counter(
            "forewarn_worker_fenced_batches",
            "Batches given up because another worker owns the partition.",
            registry=r,
        )
        self.recovered = Counter(
            "forewarn_worker_recovered_chunks",
            "Chunks repeated from the journal after a crash or a rebalance.",
            registry=r,
        )

    def _create_consumer_metrics(self, r: CollectorRegistry) -> None:
        self.waiting = Gauge(
            "forewarn_worker_waiting",
            "1 while the worker waits for a dependency and consumes nothing.",
            ["dependency"],
            registry=r,
        )
        self.buffered = Gauge(
            "forewarn_worker_buffered_events", "Events fetched and not yet in a batch.", registry=r
        )
        self.lag_records = Gauge(
            "forewarn_worker_consumer_lag_records",
            "Records between the acknowledged position and the end of the partition.",
            ["source", "partition"],
            registry=r,
        )
        self.lag_seconds = Gauge(
            "forewarn_worker_consumer_lag_seconds",
            "Age of the oldest unacknowledged record; 0 when there is none.",
            ["source", "partition"],
            registry=r,
        )
        self.acknowledged = Gauge(
            "forewarn_worker_acknowledged_offset",
            "Offset up to which everything of the partition is acknowledged.",
            ["source", "partition"],
            registry=r,
        )
        self.failed_commits = Counter(
            "forewarn_worker_failed_commits",
            "Commits of offsets that Kafka refused or did not answer; the next one repeats them.",
            registry=r,
        )
        self.dropped_journals = Counter(
            "forewarn_worker_dropped_journals",
            "Journalled chunks that could not be repeated, because Kafka does not hold their records "
            "any more.",
            registry=r,
        )
        self.rollbacks = Counter(
            "forewarn_worker_state_rollbacks",
            "Records of subscribers that the store returned in an older version than it had "
            "confirmed; the newer one was written again.",
            registry=r,
        )
        self.misplaced_records = Counter(
            "forewarn_worker_misplaced_records",
            "Sampled records outside the partition that Kafka's default gives their key, so that "
            "calls and transfers of a person may not meet.",
            ["source"],
            registry=r,
        )
        self.probe = Gauge(
            "forewarn_worker_probe",
            "1 while the probe passes (startup, ready, live).",
            ["probe"],
            registry=r,
        )

    def _create_reload_metrics(self, r: CollectorRegistry) -> None:
        self.reloads = Counter(
            "forewarn_worker_reloads",
            "Model and policy reloads, by what and result (loaded, refused).",
            ["what", "result"],
            registry=r,
        )
        self.reload_pending = Gauge(
            "forewarn_worker_reload_pending",
            "1 while a new champion, challenger or policy is refused and an older one is in use.",
            ["what"],
            registry=r,
        )
        self.loaded_seconds = Gauge(
            "forewarn_worker_loaded_timestamp_seconds",
            "When the model or policy in use was loaded.",
            ["what"],
            registry=r,
        )
        self.trained_seconds = Gauge(
            "forewarn_worker_model_trained_timestamp_seconds",
            "When the model in use was trained.",
            registry=r,
        )
        self.model = Info("forewarn_worker_model", "The model in use.", registry=r)
        self.policy = Info("forewarn_worker_policy", "The policy in use.", registry=r)

    def _create_tenant_metrics(self, r: CollectorRegistry) -> None:
        self.tenant_events = Counter(
            "forewarn_worker_tenant_events",
            "Events applied, by tenant; beyond a hundred tenants the rest is `other`.",
            ["tenant"],
            registry=r,
        )
        self.tenant_state_bytes = Gauge(
            "forewarn_worker_tenant_state_bytes",
            "Bytes of the own records of a tenant's subscribers, estimated from a sample of those whose "
            "events this worker has applied since it has their partitions.",
            ["tenant"],
            registry=r,
        )
        self.tenant_quota = Gauge(
            "forewarn_worker_tenant_quota",
            "Quota of a tenant in the whole installation (events_per_second, state_bytes); 0 is no bound.",
            ["tenant", "what"],
            registry=r,
        )

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Observe the duration of a stage of a batch."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.stage_seconds.labels(name).observe(time.perf_counter() - began)

    def count_judged(self, judged: Judged) -> None:
        """Count a warning whose outcome is known, under a bounded number of models."""
        model = judged.model or "unknown"
        if model not in self._judged_models:
            if len(self._judged_models) >= MAX_MODELS:
                model = "other"
            self._judged_models.add(model)
        self._expected_frauds.labels(model).inc(judged.probability)
        self._observed_frauds.labels(model).inc(judged.fraud)

    def _declare(self) -> None:
        """Create the series of fixed labels at the start, so that rates begin at zero."""
        sources = ("calls", "transfers", "outcomes")
        fixed: tuple[tuple[Counter | Gauge | Histogram, tuple[Iterable[str], ...]], ...] = (
            (self.events, (sources,)),
            (self.redelivered, (sources,)),
            (self.late, (sources,)),
            (self.misplaced_records, (sources,)),
            (self.stage_seconds, (STAGES,)),
            (self.warnings, (get_args(Action), get_args(Severity), get_args(Typology))),
            (self.decisions, (get_args(DecisionReason),)),
            (self.dead_letters, (get_args(DeadLetterReason),)),
            (self.disagreements, (("champion", "challenger"),)),
            (self.model_faults, (("champion", "challenger", "typology", "contributions"),)),
            (self.reloads, (("champion", "challenger", "policy"), ("refused",))),
            (self.reloads, (("model", "policy"), ("loaded",))),
            (self.reload_pending, (("champion", "challenger", "policy"),)),
            (self.waiting, (("redis", "kafka"),)),
        )
        for metric, values in fixed:
            for labels in product(*values):
                metric.labels(*labels)
