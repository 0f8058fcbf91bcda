"""Apply a batch of warnings to the database in one transaction, each revision once.

Order within the batch is kept. A repeated revision, or one that is older than the stored one,
changes nothing, so a batch that is delivered again after a crash changes nothing either.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerting.access import EVERYTHING, Scope
from alerting.cases.case_reopening import open_again, open_from_text
from alerting.cases.case_summary import SUMMED_UP, Change, in_force, severity_in, summarise
from alerting.cases.correlation import OpenCase, correlate
from alerting.cases.currency_weights import CurrencyWeights
from alerting.cases.history import CaseHistory
from alerting.cases.history.audit_actions import AuditAction
from alerting.cases.ledger import ledger_entries
from alerting.cases.ledger.loss_estimate import estimate
from alerting.cases.lifecycle import TEXT_ONLY
from alerting.cases.severity import ORDER, Deadlines
from alerting.cases.timers import timer_schedule
from alerting.db.bulk_insert import insert_rows
from alerting.db.case_tables import Case, Warning_
from alerting.db.database import Database
from alerting.db.dispatch_tables import Timer
from alerting.db.key_conditions import among
from alerting.db.ledger_tables import LedgerEntry
from alerting.ingest.warning_decoder import HTTP_SOURCE
from alerting.ingest.warning_rows import new_case, revise, warning_row
from alerting.linkage import sweep_requests as sweeps
from forewarn.contracts.fraud_warning import Action, FraudWarning

Result = Literal["raised", "updated", "withdrawn", "duplicate", "stale", "foreign"]
"""``foreign``: a revision of another person's warning, or of one outside the sender's scope."""

ACTOR = "system:ingest"
_KINDS: dict[Result, AuditAction] = {
    "raised": "warning_raised",
    "updated": "warning_updated",
    "withdrawn": "warning_withdrawn",
    "duplicate": "warning_duplicate",
    "stale": "warning_stale",
}
"""The action that the history records for each result; foreign ones are not recorded."""

_RESULTS: dict[Action, Result] = {
    "raise": "raised",
    "update": "updated",
    "withdraw": "withdrawn",
}


@dataclass(frozen=True, slots=True)
class IngestRules:
    """How warnings become cases.

    ``watch_ms`` is the watch period after a dissuasion; ``weights`` order cases of different currencies.
    """

    deadlines: Deadlines
    correlation_window_ms: int
    zone: ZoneInfo
    watch_ms: int = 0
    weights: CurrencyWeights = field(default_factory=CurrencyWeights)


@dataclass(slots=True)
class Applied:
    """The result of a batch: warning id, case id and result of each warning, in order."""

    results: list[tuple[str, str, Result]] = field(default_factory=list)
    late_evidence: list[str] = field(default_factory=list)

    def counts(self) -> Counter[Result]:
        """Count the warnings by result."""
        return Counter(result for _, _, result in self.results)


@dataclass(slots=True)
class _Batch:
    """The rows that a batch touches, by id."""

    warnings: dict[str, Warning_]
    cases: dict[str, Case]
    victims: dict[tuple[str, str], list[str]]
    members: dict[str, dict[str, Warning_]]
    history: CaseHistory
    touched: dict[str, None] = field(default_factory=dict)
    """Cases that a warning changed, in order."""
    opened: set[str] = field(default_factory=set)
    reopened: set[str] = field(default_factory=set)
    ranks: dict[str, int] = field(default_factory=dict)
    """Severity ranks of the warnings of closed cases before this batch."""
    fresh: list[Warning_] = field(default_factory=list)


def apply_warnings(
    db: Database,
    session: Session,
    warnings: Sequence[FraudWarning],
    rules: IngestRules,
    now_ms: int,
    *,
    scope: Scope = EVERYTHING,
) -> Applied:
    """Apply warnings in the caller's write transaction.

    Args:
        db: the database of the session.
        session: the caller's write transaction.
        warnings: in the order of their arrival.
        rules: how warnings become cases.
        now_ms: UTC milliseconds.
        scope: warnings stored outside of it are not changed.

    Returns:
        The result of each; ``late_evidence`` names closed cases that a revision landed in.
    """
    db.lock(session, (f"{warning.tenant}/{warning.subscriber}" for warning in warnings))
    batch = _load(db, session, warnings, CaseHistory(session, ACTOR, now_ms))
    applied = Applied()
    for warning in warnings:
        result, case_id = _apply_one(batch, warning, rules, now_ms, scope)
        applied.results.append((warning.warning_id, case_id, result))
    renewed, started = _sum_up(batch, rules, applied, now_ms)
    _insert(session, batch)
    # A low warning that was withdrawn still closes by itself, by its deadline.
    stopped = [
        case_id
        for case_id in batch.touched
        if batch.cases[case_id].withdrawn and batch.cases[case_id].state != TEXT_ONLY
    ]
    for case_id in stopped:
        timer_schedule.stop(session, case_id)
    rows = [row for case in started for row in timer_schedule.starting(case, now_ms)]
    insert_rows(session, Timer, rows)
    timer_schedule.renew(session, renewed, now_ms)
    _settle(session, batch, rules, now_ms)
    return applied


def _load(
    db: Database, session: Session, warnings: Sequence[FraudWarning], history: CaseHistory
) -> _Batch:
    ids = {warning.warning_id for warning in warnings}
    victims = {(warning.tenant, warning.subscriber) for warning in warnings}
    # Locked, and in one order: a case must not close between being read and being settled. Before
    # the warnings are read: closing as a duplicate moves them to another case.
    of_victims = (
        select(Case).where(among(Case.tenant, Case.subscriber, victims)).order_by(Case.case_id)
    )
    cases = {case.case_id: case for case in session.scalars(db.for_update(of_victims))}
    known = {
        row.warning_id: row
        for row in session.scalars(select(Warning_).where(Warning_.warning_id.in_(ids)))
    }
    missing = {row.case_id for row in known.values()} - set(cases)
    if missing:  # the person's number was erased from the case
        erased = session.scalars(db.for_update(select(Case).where(Case.case_id.in_(missing))))
        cases |= {case.case_id: case for case in erased}
    batch = _Batch(warnings=known, cases=cases, victims={}, members={}, history=history)
    for case in cases.values():
        batch.victims.setdefault((case.tenant, case.subscriber), []).append(case.case_id)
    if cases:
        members = select(Warning_).options(SUMMED_UP).where(Warning_.case_id.in_(list(cases)))
        for row in session.scalars(members):
            batch.members.setdefault(row.case_id, {})[row.warning_id] = row
    return batch


def _apply_one(
    batch: _Batch, warning: FraudWarning, rules: IngestRules, now_ms: int, scope: Scope
) -> tuple[Result, str]:
    row = batch.warnings.get(warning.warning_id)
    if row is not None:
        if not _of_the_same(warning, row) or not scope.admits(row.tenant, row.district):
            return "foreign", ""
        if not _newer(warning, row):
            same = warning.source.offset == row.source_offset
            return ("duplicate" if same else "stale"), row.case_id
        case = batch.cases[row.case_id]
        if case.state == "closed":
            batch.ranks.setdefault(row.warning_id, _rank(row))
        revise(row, warning, erased=case.erased_at_ms is not None)
    else:
        case = _case_for(batch, warning, rules, now_ms)
        case.watched = case.watched or _is_watched(batch, warning, rules, now_ms)
        row = warning_row(warning, case.case_id, now_ms)
        batch.fresh.append(row)
        batch.warnings[row.warning_id] = row
        batch.members.setdefault(case.case_id, {})[row.warning_id] = row
    result = _RESULTS[warning.action]
    _record(batch, row, result)
    return result, row.case_id


def _of_the_same(warning: FraudWarning, row: Warning_) -> bool:
    """Whether a revision concerns the same person as the warning; an erased one names none."""
    return warning.tenant == row.tenant and row.subscriber in (warning.subscriber, "")


def _newer(warning: FraudWarning, row: Warning_) -> bool:
    """Whether a revision is newer than the stored one.

    The higher source offset wins, since a subject lies in one partition. Kafka outranks HTTP
    whatever the times, since workers are the authority.
    """
    over_http = warning.source.topic == HTTP_SOURCE
    if over_http != (row.source_topic == HTTP_SOURCE):
        return not over_http
    if (warning.source.topic, warning.source.partition) == (row.source_topic, row.source_partition):
        return warning.source.offset > row.source_offset
    return warning.raised_at_ms > row.raised_at_ms


def _case_for(batch: _Batch, warning: FraudWarning, rules: IngestRules, now_ms: int) -> Case:
    victim = (warning.tenant, warning.subscriber)
    candidates = [
        _open_case(batch.cases[case_id], batch.members.get(case_id, {}))
        for case_id in batch.victims.get(victim, [])
    ]
    found = correlate(warning, candidates, window_ms=rules.correlation_window_ms)
    if found.case_id is not None:
        return batch.cases[found.case_id]
    digest = hashlib.blake2b(warning.warning_id.encode(), digest_size=10).hexdigest()
    watched = _is_watched(batch, warning, rules, now_ms)
    case = new_case(f"c-{digest}", warning, rules.deadlines, now_ms, watched=watched)
    case.follows = found.follows
    batch.cases[case.case_id] = case
    batch.victims.setdefault(victim, []).append(case.case_id)
    batch.opened.add(case.case_id)
    return case


def _is_watched(batch: _Batch, warning: FraudWarning, rules: IngestRules, now_ms: int) -> bool:
    """Whether the person of a new warning was dissuaded within the watch period."""
    ids = batch.victims.get((warning.tenant, warning.subscriber), [])
    return any(
        case.disposition == "dissuaded"
        and case.closed_at_ms is not None
        and now_ms - case.closed_at_ms < rules.watch_ms
        for case in (batch.cases[case_id] for case_id in ids)
    )


def _open_case(case: Case, members: dict[str, Warning_]) -> OpenCase:
    peers = {peer for row in members.values() for peer in (row.caller, row.payee) if peer}
    return OpenCase(
        case_id=case.case_id,
        typology=case.typology,
        currency=case.currency,
        first_event_ms=case.first_event_ms,
        last_event_ms=case.last_event_ms,
        peers=frozenset(peers),
        closed=case.state == "closed",
    )


def _record(batch: _Batch, row: Warning_, result: Result) -> None:
    watched = batch.cases[row.case_id].watched
    detail = {
        "warning_id": row.warning_id,
        "severity": severity_in(watched, row.severity),
        "subject_kind": row.subject_kind,
        "subject_status": row.subject_status,
        "expected_loss_minor": row.expected_loss_minor,
    }
    if watched:
        detail["watched"] = True
    batch.history.record(row.case_id, _KINDS[result], detail)
    batch.touched[row.case_id] = None


def _rank(row: Warning_) -> int:
    """The severity rank of a warning; 0 while it is withdrawn."""
    return 0 if row.action == "withdraw" else ORDER[row.severity]


def _got_worse(batch: _Batch, case: Case, rows: Sequence[Warning_]) -> bool:
    """Whether a warning of a closed case rose, so that the case has to be reopened.

    An erased case is not reopened: it names no person who could be called. A low warning reopens
    none: it would be a text, in the place of the outcome that a person found.
    """
    if case.erased_at_ms is not None:
        return False
    return any(
        _rank(row) > max(ORDER["low"], batch.ranks.get(row.warning_id, _rank(row))) for row in rows
    )


def _reopen(batch: _Batch, case: Case, now_ms: int) -> None:
    detail = {"reason": "warning_rose", "disposition": open_again(case, now_ms)}
    batch.reopened.add(case.case_id)
    batch.history.record(case.case_id, "reopened", detail)


def _due_ms(case: Case, rows: Sequence[Warning_], rules: IngestRules) -> int:
    """When a response to the gravest of the warnings is due."""
    # In the watch period a case is graver than its warnings.
    gravest = [row for row in rows if row.severity == case.severity] or in_force(rows)
    raised_ms = max(row.raised_at_ms for row in gravest)
    return rules.deadlines.deadline_ms(case.severity, raised_ms)


def _sum_up(
    batch: _Batch, rules: IngestRules, applied: Applied, now_ms: int
) -> tuple[list[Case], list[Case]]:
    """Update cases from their warnings; return those whose timers are renewed, and started."""
    renewed, started = [], []
    for case_id in batch.touched:
        case = batch.cases[case_id]
        case.version += 1
        rows = list(batch.members[case_id].values())
        if case.state == "closed":
            if not _got_worse(batch, case, rows):
                applied.late_evidence.append(case_id)
                continue
            _reopen(batch, case, now_ms)
        change = summarise(case, rows)
        case.rank_weight = rules.weights.weight(case.tenant, case.currency)
        if case.withdrawn:
            continue
        open_from_text(case, now_ms)
        if case_id in batch.opened:
            case.deadline_ms = min(case.deadline_ms, _due_ms(case, rows, rules))
            started.append(case)
        elif case_id in batch.reopened:
            case.deadline_ms = _due_ms(case, rows, rules)
            started.append(case)
        elif _moves_deadline(case, rows, change, rules):
            renewed.append(case)
    return renewed, started


def _moves_deadline(
    case: Case, rows: Sequence[Warning_], change: Change, rules: IngestRules
) -> bool:
    """Move the deadline of a case that got worse; return whether its timers have to follow."""
    if change.revived:
        timer_schedule.begin_round(case)
    if change.severity_rose or change.revived:
        due_ms = _due_ms(case, rows, rules)
        case.deadline_ms = due_ms if change.revived else min(case.deadline_ms, due_ms)
    return change.severity_rose or change.evidence_changed or change.revived


def _insert(session: Session, batch: _Batch) -> None:
    """Insert new cases, then their warnings.

    One statement inserts many rows, so that the unit of work keeps track of changed rows only.
    """
    for table, rows in (
        (Case, [batch.cases[case_id] for case_id in batch.opened]),
        (Warning_, batch.fresh),
    ):
        insert_rows(session, table, [_values(row) for row in rows])


def _values(row: Case | Warning_) -> dict[str, Any]:
    return {column.key: getattr(row, column.key) for column in row.__table__.columns}


def _settle(session: Session, batch: _Batch, rules: IngestRules, now_ms: int) -> None:
    """Settle the estimates of the open cases once all revisions are applied."""
    open_ids = [one for one in batch.touched if batch.cases[one].state != "closed"]
    members = {case_id: list(batch.members[case_id].values()) for case_id in open_ids}
    owners = ledger_entries.claim_transfers(
        session, [row for rows in members.values() for row in rows]
    )
    known = [case_id for case_id in open_ids if case_id not in batch.opened]
    balances = ledger_entries.balances_of(session, known, "estimated") if known else {}
    entries: list[dict[str, Any]] = []
    sweeps.suspend(session, sorted(batch.reopened))
    for case_id in batch.reopened:
        case = batch.cases[case_id]
        ledger_entries.settle(
            session, case, "confirmed", {}, reason="reopened", now_ms=now_ms, zone=rules.zone
        )
    for case_id in open_ids:
        ledger_entries.settle(
            session,
            batch.cases[case_id],
            "estimated",
            estimate(ledger_entries.warned_money(in_force(members[case_id]), owners)),
            reason="warned" if case_id in batch.opened else "revised",
            now_ms=now_ms,
            zone=rules.zone,
            balances=balances.get(case_id, {}),
            into=entries,
        )
    insert_rows(session, LedgerEntry, entries)
