"""The messages that a worker produces: warnings and scores."""

import base64
import hashlib
from collections.abc import Sequence
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
    Score,
    Source,
    Subject,
    Transfer,
    encode,
)
from forewarn.platform.pseudonyms import to_hex
from models.policy import Decision, warning_id
from models.policy.event_status import STATUS_OF_KIND
from streams.pipeline.decide import ModelBundle
from streams.pipeline.job import DecisionJob

MAX_REASONS = 6
"""Reasons of one warning: what a responder can read in the time there is."""


_OUTCOME = int(EventKind.OUTCOME)  # looked up once: an enumeration's attribute is slow to read

MAX_REVISION = 1000
"""What the contract lets through; receivers order by offset, so the rest may share it."""


@dataclass(frozen=True, slots=True)
class Live:
    """Features that are facts a responder needs: where the person is right now."""

    on_call: int
    forwarding_on: int


def reasons(
    names: Sequence[str], vector: npt.NDArray[np.float32], contributions: npt.NDArray[np.float32]
) -> tuple[Reason, ...]:
    """The features that spoke most for fraud, strongest first."""
    order = np.argsort(contributions)[::-1][:MAX_REASONS]
    return tuple(
        Reason(
            code=names[i],
            value=None if np.isnan(vector[i]) else float(vector[i]),
            contribution=round(float(contributions[i]), 4),
        )
        for i in order.tolist()
        if contributions[i] > 0
    )


def traceparent(identifier: str) -> str:
    """The W3C trace context of everything that concerns one warning: derived, so never lost."""
    trace = hashlib.blake2b(identifier.encode(), digest_size=16, person=b"trace").hexdigest()
    return f"00-{trace}-{trace[:16]}-01"


def warning_of(
    work: DecisionJob,
    index: int,
    decision: Decision,
    why: tuple[Reason, ...],
    *,
    brain: ModelBundle,
    typology: str,
    live: Live,
    topic: str,
    now_ms: int,
) -> FraudWarning:
    """The message for a decision that sends one."""
    event = work.chunk.events[index]
    row = int(work.rows[index])
    columns = work.columns
    vector = work.result.vectors[row]
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
        typology=typology,  # type: ignore[arg-type]  # the artifact names known ones
        probability=round(float(work.probabilities[index]), 6),
        expected_loss_minor=decision.expected_loss_minor,
        amount_at_risk_minor=decision.amount_at_risk_minor,
        currency=currency,
        appended_at_ms=int(work.chunk.appended_ms[index]),
        raised_at_ms=now_ms,
        reasons=why,
        decision=decision.reason,
        caller=caller,
        payee=payee,
        payer=payer,
        on_call=isinstance(event, CallStarted) or bool(vector[live.on_call] > 0),
        forwarding_on=bool(vector[live.forwarding_on] > 0),
        model_version=brain.scorer.version,
        policy_version=brain.policy.version,
        source=Source(topic, work.chunk.partition, int(work.chunk.offsets[index])),
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
    work: DecisionJob, brain: ModelBundle, topics: Sequence[str], fingerprint: str
) -> list[tuple[bytes, bytes]]:
    """Key and value of the score of every event of a chunk that was not applied before.

    Outcomes are among them, though nothing is decided on their scores: they change the state, so
    the parity check has to know which versions they met. The versions of an outcome that names
    several numbers and accounts follow each other, three for each row.
    """
    rows = work.rows
    kinds = work.columns.kind[rows].tolist()
    chosen = np.flatnonzero(work.result.fresh[rows])
    vectors = np.ascontiguousarray(work.result.vectors[rows], dtype="<f4")
    reads = _by_event(work, work.result.reads)
    applied = _by_event(work, _applied(work)) if work.landed else None
    subscribers = work.columns.subscriber[rows].tolist()
    offsets = work.chunk.offsets.tolist()
    sources = work.chunk.source.tolist()
    probabilities = work.probabilities.tolist()
    challenger = work.challenger.tolist() if work.challenger is not None else None
    trial = brain.challenger.version if brain.challenger and challenger is not None else ""
    records: list[tuple[bytes, bytes]] = []
    for i in chosen.tolist():
        decision = work.decisions.get(i)
        subscriber = to_hex(subscribers[i])
        score = Score(
            event_id=work.chunk.events[i].event_id,
            event_time_ms=work.chunk.events[i].event_time_ms,
            subscriber=subscriber,
            kind=KIND_NAMES[kinds[i]],
            source=Source(topics[sources[i]], work.chunk.partition, offsets[i]),
            chunk=work.number,
            fingerprint=fingerprint,
            vector=base64.b64encode(vectors[i]).decode("ascii"),
            reads=tuple(reads[i]),
            applied=tuple(applied[i]) if applied is not None else (),
            probability=probabilities[i],
            challenger_probability=challenger[i] if challenger is not None else None,
            model_version=brain.scorer.version,
            challenger_version=trial,
            policy_version=brain.policy.version,
            decision=decision.reason if decision else _undecided(kinds[i]),
        )
        records.append((subscriber.encode(), encode(score)))
    return records


def _undecided(kind: int) -> str:
    return "outcome" if kind == _OUTCOME else "below_threshold"


def _by_event(work: DecisionJob, versions: npt.NDArray[np.uint32]) -> list[list[int]]:
    """Versions of each event's records: three, or three for each row of an outcome."""
    listed: list[list[int]] = versions[work.rows].tolist()
    lengths = np.diff(work.rows, append=len(work.columns))
    for i in np.flatnonzero(lengths > 1).tolist():
        start = int(work.rows[i])
        listed[i] = versions[start : start + int(lengths[i])].ravel().tolist()
    return listed


def _applied(work: DecisionJob) -> npt.NDArray[np.uint32]:
    """Version on which the update of each record landed; uint32 [rows, 3]."""
    applied = work.result.reads.copy()
    where = {key: i for i, key in enumerate(work.plan.keys)}
    for key, version in work.landed.items():
        applied[work.plan.slots == where[key]] = version
    return applied
