"""Prometheus metrics of a replica of the decision service; no label names a bank's customer."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

STAGES = ("find", "ask", "keep", "total")
"""Parts of a question: the stored answer, the workers, the keeping; and all of it."""

_SECONDS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.35, 0.5, 1.0, 5.0)


class DecisionMetrics:
    """All metrics of one replica.

    Args:
        registry: receives them; a new one in tests.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.answers = Counter(
            "forewarn_decide_answers",
            "Questions answered, by decision and reason; the reasons of fallbacks are named in the guide.",
            ["decision", "reason"],
            registry=registry,
        )
        self.repeated = Counter(
            "forewarn_decide_repeated_answers",
            "Questions that were asked before and got the same answer again.",
            registry=registry,
        )
        self.fallbacks = Counter(
            "forewarn_decide_fallbacks",
            "Questions answered by the policy's fallback, by reason.",
            ["reason"],
            registry=registry,
        )
        self.refused = Counter(
            "forewarn_decide_refused_requests",
            "Requests that got a problem document, by its code.",
            ["reason"],
            registry=registry,
        )
        self.late = Counter(
            "forewarn_decide_late_answers",
            "Answers of workers that came after their deadline, by decision.",
            ["decision"],
            registry=registry,
        )
        self.seconds = Histogram(
            "forewarn_decide_seconds",
            "Time of a question, by stage.",
            ["stage"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.loop_delay = Histogram(
            "forewarn_decide_loop_delay_seconds",
            "How late a bare timer of the event loop fires.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.in_flight = Gauge(
            "forewarn_decide_in_flight", "Questions that wait for their answer.", registry=registry
        )
        self.spooled = Gauge(
            "forewarn_decide_spooled_events",
            "Events that wait on disk for Kafka, as their callers asked for.",
            registry=registry,
        )
        self.spool_full = Counter(
            "forewarn_decide_spool_refusals",
            "Events that the full spool did not take.",
            registry=registry,
        )
        self._create_unkept(registry)
        self._create_others(registry)
        for stage in STAGES:
            self.seconds.labels(stage)

    def _create_unkept(self, registry: CollectorRegistry) -> None:
        self.unkept = Gauge(
            "forewarn_decide_unkept_answers",
            "Answers that Redis has not taken yet: those that this replica gave, that came late, or that others gave.",
            registry=registry,
        )
        self.unconfirmed = Counter(
            "forewarn_decide_unconfirmed_answers",
            "Answers given before Redis or Kafka had them; a replica that is killed right then takes them with it.",
            registry=registry,
        )
        self.differing = Counter(
            "forewarn_decide_differing_answers",
            "Answers given while Redis or Kafka was away, though another one was kept before; the other one counts.",
            registry=registry,
        )

    def _create_others(self, registry: CollectorRegistry) -> None:
        self.line_status = Counter(
            "forewarn_decide_line_status",
            "Questions about a line, by whether it is known.",
            ["result"],
            registry=registry,
        )
        self.trials = Counter(
            "forewarn_decide_what_if", "Payments tried without effect.", registry=registry
        )
        self.keys_refused = Counter(
            "forewarn_decide_refused_key_files",
            "Versions of the keys file that were not taken over.",
            registry=registry,
        )
