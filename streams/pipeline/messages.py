"""Messages that a worker produces for a job: warnings, scores and dead letters."""

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.kinds import KIND_NAMES, EventKind
from forewarn.contracts import (
    CallEnded,
    CallStarted,
    Event,
    FraudWarning,
    LineChanged,
    Reason,
    Source,
    Subject,
    Transfer,
    encode,
)
from forewarn.contracts.score_block import MAX_ROWS, ScoreBlock, column, encode_block
from models.policy import Decision, warning_id
from models.policy.event_status import STATUS_OF_KIND
from streams.model.bundle import ModelBundle
from streams.pipeline.job import DecisionJob
from streams.pipeline.producer import KeyValue

MAX_REASONS = 6
"""Reasons of one warning: as many as a responder can read in a few seconds."""

_OUTCOME = int(EventKind.OUTCOME)  # looked up once: an enumeration's attribute is slow to read

MAX_REVISION = 1000
"""Highest revision that the contract allows; later ones share it, for receivers order by offset."""


@dataclass(frozen=True, slots=True)
class LiveFeatures:
    """Slots of the features that tell a responder the person's present situation.

    Attributes:
        on_call: of ``on_call_now``.
        forwarding_on: of ``forwarding_on``.
    """

    on_call: int
    forwarding_on: int


@dataclass(frozen=True, slots=True)
class OutputTopics:
    """Names in the cluster of the topics that a worker reads and writes.

    Attributes:
        sources: calls, transfers and outcomes.
        warnings: of ``FraudWarning``.
        scores: of ``ScoreBlock``.
        dead_letters: of ``DeadLetter``; its partition 0 takes all.
    """

    sources: tuple[str, ...]
    warnings: str
    scores: str
    dead_letters: str


def output_parts(
    job: DecisionJob, bundle: ModelBundle, topics: OutputTopics
) -> list[tuple[str, int, list[KeyValue]]]:
    """Topic, partition and records of everything that a job sends."""
    number = job.partition.number
    warnings: list[KeyValue] = [
        (message.subscriber.encode(), encode(message)) for _, message in job.warnings
    ]
    scores: list[KeyValue] = list(score_records(job, bundle, topics.sources))
    letters: list[KeyValue] = [(None, encode(letter)) for letter in job.chunk.dead_letters]
    return [
        (topics.warnings, number, warnings),
        (topics.scores, number, scores),
        (topics.dead_letters, 0, letters),
    ]


def reasons(
    names: Sequence[str], vector: npt.NDArray[np.float32], contributions: npt.NDArray[np.float64]
) -> tuple[Reason, ...]:
    """Features that raised the score most, strongest first, at most ``MAX_REASONS``."""
    order = np.argsort(contributions)[: -MAX_REASONS - 1 : -1]
    # Python's own numbers: to ask an array for one at a time takes ten times as long.
    strongest = zip(
        order.tolist(), vector[order].tolist(), contributions[order].tolist(), strict=True
    )
    return tuple(
        Reason(
            code=names[i],
            value=None if math.isnan(value) else value,
            contribution=round(contribution, 4),
        )
        for i, value, contribution in strongest
        if contribution > 0
    )


def traceparent(identifier: str) -> str:
    """W3C trace context of a warning, derived from its id, so that it survives any restart."""
    trace = hashlib.blake2b(identifier.encode(), digest_size=16, person=b"trace").hexdigest()
    return f"00-{trace}-{trace[:16]}-01"


def build_warning(
    job: DecisionJob,
    index: int,
    decision: Decision,
    *,
    bundle: ModelBundle,
    live: LiveFeatures,
    topic: str,
    now_ms: int,
) -> FraudWarning:
    """Build the message of a decision, still without reasons.

    Args:
        job: decided.
        index: of the event in the chunk.
        decision: has an action.
        bundle: the model and policy that decided.
        live: features that are facts for the responder.
        topic: name in the cluster of the event's topic.
        now_ms: UTC milliseconds.
    """
    event = job.chunk.events[index]
    row = int(job.rows[index])
    columns = job.columns
    vector = job.result.vectors[row]
    identity = warning_id(event.tenant, int(columns.subscriber[row]), int(columns.subject[row]))
    caller, payee, payer = _parties(event)
    currency = event.currency if isinstance(event, Transfer) else "CNY"
    return FraudWarning(
        event_id=f"{identity}.{decision.revision}",
        event_time_ms=event.event_time_ms,
        subscriber=event.subscriber,
        tenant=event.tenant,
        district=event.district,
        revision=min(decision.revision, MAX_REVISION),
        warning_id=identity,
        action=decision.action or "update",
        subject=_subject(event),
        subject_status=STATUS_OF_KIND[int(columns.kind[row])],
        severity=decision.severity or "medium",
        typology=job.typologies[index],  # type: ignore[arg-type]  # the artifact names known ones
        probability=round(float(job.probabilities[index]), 6),
        expected_loss_minor=decision.expected_loss_minor,
        amount_at_risk_minor=decision.amount_at_risk_minor,
        currency=currency,
        appended_at_ms=int(job.chunk.appended_ms[index]),
        raised_at_ms=now_ms,
        reasons=(),
        decision=decision.reason,
        caller=caller,
        payee=payee,
        payer=payer,
        on_call=isinstance(event, CallStarted) or bool(vector[live.on_call] > 0),
        forwarding_on=bool(vector[live.forwarding_on] > 0),
        model_version=bundle.scorer.version,
        policy_version=bundle.policy.version,
        source=Source(topic, job.chunk.partition, int(job.chunk.offsets[index])),
        traceparent=traceparent(identity),
    )


def _subject(event: Event) -> Subject:
    if isinstance(event, Transfer):
        return Subject("transfer", event.transfer_id)
    if isinstance(event, (CallStarted, CallEnded)):
        return Subject("call", event.call_id)
    return Subject("line", event.event_id)


def _parties(event: Event) -> tuple[str | None, str | None, str | None]:
    """Suspected caller, payee and payer of an event."""
    if isinstance(event, (CallStarted, CallEnded)):
        return (event.caller if event.direction == "inbound" else event.callee), None, None
    if isinstance(event, Transfer):
        return None, event.payee_account, event.payer_account
    if isinstance(event, LineChanged):
        return event.forwarded_to, None, None
    return None, None, None


def score_records(
    job: DecisionJob, bundle: ModelBundle, sources: Sequence[str]
) -> Iterator[KeyValue]:
    """Blocks of the scores of all events of a job that were not applied before.

    Outcomes are included, although nothing is decided on their scores: they change the state, so
    the parity check has to know which versions they met.
    """
    chosen = np.flatnonzero(job.result.fresh[job.rows])
    for start in range(0, len(chosen), MAX_ROWS):
        part = chosen[start : start + MAX_ROWS]
        yield None, encode_block(_score_block(job, bundle, sources, part))


def _score_block(
    job: DecisionJob, bundle: ModelBundle, sources: Sequence[str], chosen: npt.NDArray[np.intp]
) -> ScoreBlock:
    """The scores of some events of a job."""
    first = job.rows[chosen]
    columns, events = job.columns, job.chunk.events
    lengths = np.diff(job.rows, append=len(columns))[chosen]
    single = bool((lengths == 1).all())
    rows = first if single else np.concatenate(list(map(np.arange, first, first + lengths)))
    decisions, decision = _decision_codes(job, chosen)
    challenger = job.challenger is not None and bundle.challenger is not None
    return ScoreBlock(
        topics=tuple(sources),
        partition=job.chunk.partition,
        chunk=job.number,
        fingerprint=bundle.scorer.fingerprint,
        model_version=bundle.scorer.version,
        challenger_version=bundle.challenger.version if challenger and bundle.challenger else "",
        policy_version=bundle.policy.version,
        kinds=KIND_NAMES,
        decisions=decisions,
        event_id=[events[i].event_id for i in chosen.tolist()],
        event_time_ms=column(columns.time_ms[first], "<i8"),
        subscriber=column(columns.subscriber[first], "<u8"),
        kind=column(columns.kind[first], "u1"),
        source=column(job.chunk.source[chosen], "u1"),
        offset=column(job.chunk.offsets[chosen], "<i8"),
        probability=column(job.probabilities[chosen], "<f8"),
        challenger_probability=(
            column(job.challenger[chosen], "<f8")
            if challenger and job.challenger is not None
            else b""
        ),
        decision=column(decision, "u1"),
        reads=column(job.result.reads[rows], "<u4"),
        applied=column(_applied(job)[rows], "<u4") if job.landed else b"",
        rows=b"" if single else column(lengths, "<u2"),
        vectors=column(job.result.vectors[first].T, "<f4"),
    )


def _decision_codes(
    job: DecisionJob, chosen: npt.NDArray[np.intp]
) -> tuple[tuple[str, ...], npt.NDArray[np.uint8]]:
    """Names of decisions, and for each event the index of its own."""
    names = {"below_threshold": 0, "outcome": 1}
    codes = (job.columns.kind[job.rows] == _OUTCOME).astype(np.uint8)
    for i, decision in job.decisions.items():
        codes[i] = names.setdefault(decision.reason, len(names))
    return tuple(names), codes[chosen]


def _applied(job: DecisionJob) -> npt.NDArray[np.uint32]:
    """Version on which the update of each record landed; uint32 [rows, 3]."""
    applied = job.result.reads.copy()
    where = {key: i for i, key in enumerate(job.plan.keys)}
    for key, version in job.landed.items():
        applied[job.plan.slots == where[key]] = version
    return applied
