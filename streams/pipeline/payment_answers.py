"""Answers to banks: the records that a job puts on the topic ``answers``."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from forewarn.contracts import Source, Transfer, encode
from forewarn.contracts.payment_answer import LineNow, PaymentAnswer, Suspicion
from models.policy import warning_id
from streams.model.bundle import ModelBundle
from streams.pipeline.job import DecisionJob
from streams.pipeline.producer import KeyValue

LINE_FEATURES: Final = (
    "on_call_now",
    "on_call_minutes",
    "on_call_suspicion",
    "hangup_since_minutes",
    "hangup_suspicion",
    "forwarding_on",
    "do_not_disturb_on",
    "line_changed_since_minutes",
)
"""Features that make up ``LineNow``, in the order of its fields."""

_STEPS: Final[tuple[tuple[float, Suspicion], ...]] = ((5, "high"), (3, "medium"), (1, "low"))
"""Least level of each step; a confirmed number has at least 3."""


def line_now(values: Sequence[float]) -> LineNow:
    """What is known of a line.

    Args:
        values: those of ``LINE_FEATURES``; NaN where nothing is known.
    """
    on_call, minutes, suspicion, since, last, forwarding, silent, changed = values
    talking = on_call > 0
    return LineNow(
        on_call=talking,
        call_minutes=_known(minutes) if talking else None,
        caller_suspicion=_step(suspicion) if talking else "none",
        minutes_since_call=_known(since),
        last_caller_suspicion=_step(last),
        call_forwarding=forwarding > 0,
        do_not_disturb=silent > 0,
        line_changed_minutes=_known(changed),
    )


class AnswerBuilder:
    """Builds the answers of jobs.

    Args:
        topic: name in the cluster of the answers.
        partitions: of that topic; a question that names another gets no answer.
        slots: places of ``LINE_FEATURES`` in the vector.
        sources: names in the cluster of the source topics.
    """

    def __init__(
        self, topic: str, partitions: int, slots: Sequence[int], sources: Sequence[str]
    ) -> None:
        self._topic = topic
        self._partitions = partitions
        self._slots = list(slots)
        self._sources = tuple(sources)

    def parts(
        self, job: DecisionJob, bundle: ModelBundle, now_ms: int
    ) -> list[tuple[str, int, list[KeyValue]]]:
        """Topic, partition and records of the answers of a job; mostly none.

        Args:
            job: decided, its reasons explained.
            bundle: the model and policy that decided.
            now_ms: UTC milliseconds.
        """
        found: dict[int, list[KeyValue]] = {}
        for index, question in job.chunk.questions.items():
            if index not in job.verdicts or question.partition >= self._partitions:
                continue
            answer = self._answer(job, index, question.question_id, bundle, now_ms)
            record = (question.question_id, encode(answer))
            found.setdefault(question.partition, []).append(record)
        return [(self._topic, partition, records) for partition, records in found.items()]

    def _answer(
        self, job: DecisionJob, index: int, question_id: bytes, bundle: ModelBundle, now_ms: int
    ) -> PaymentAnswer:
        event: Any = job.chunk.events[index]
        assert isinstance(event, Transfer)  # noqa: S101 - verdicts are given on transfers only
        verdict, row = job.verdicts[index], int(job.rows[index])
        probability = float(job.probabilities[index])
        vector: npt.NDArray[np.float32] = job.result.vectors[row]
        source = int(job.chunk.source[index])
        return PaymentAnswer(
            question_id=question_id.decode("ascii"),
            transfer_id=event.transfer_id,
            decision=verdict.decision,
            reason=verdict.reason,
            probability=round(probability, 6),
            expected_loss_minor=round(probability * event.amount_minor),
            currency=event.currency,
            typology=job.typologies.get(index, "unknown"),  # type: ignore[arg-type]  # known names
            reasons=job.reasons.get(index, ()),
            line=line_now(vector[self._slots].tolist()),
            warning_id=_warning_of(job, index, row),
            model_version=bundle.scorer.version,
            policy_version=bundle.policy.version,
            decided_at_ms=now_ms,
            counts_until_ms=bundle.policy.payments.counts_until_ms(verdict.decision, now_ms),
            source=Source(
                self._sources[source], job.chunk.partition, int(job.chunk.offsets[index])
            ),
        )


def _warning_of(job: DecisionJob, index: int, row: int) -> str | None:
    """Id of the warning about this payment, if one goes out with the answer."""
    decision = job.decisions.get(index)
    if decision is None or decision.action is None:
        return None
    columns, tenant = job.columns, job.chunk.events[index].tenant
    return warning_id(tenant, int(columns.subscriber[row]), int(columns.subject[row]))


def _known(value: float) -> float | None:
    return None if np.isnan(value) else round(value, 1)


def _step(level: float) -> Suspicion:
    return next((name for least, name in _STEPS if level >= least), "none")
