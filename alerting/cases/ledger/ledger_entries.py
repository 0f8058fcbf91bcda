"""Bring the ledger's accounts to their target by adding entries: the only writer of the ledger.

An account of a case is settled by its difference to the target, so settling twice adds nothing, and
a crash before the commit leaves nothing behind.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from alerting.cases.ledger.loss_estimate import NOT_A_TRANSFER, WarnedMoney
from alerting.db.bulk_insert import insert_rows
from alerting.db.case_tables import Case, Warning_
from alerting.db.key_conditions import among
from alerting.db.ledger_tables import LedgerClaim, LedgerEntry
from forewarn.platform.clock import local_day

Account = Literal["estimated", "confirmed", "lost"]
EntryReason = Literal["warned", "revised", "withdrawn", "closed", "reopened", "late_loss", "merged"]


@dataclass(frozen=True, slots=True)
class _Line:
    """The labels that tell entries apart within an account of a case."""

    transfer_id: str
    currency: str
    district: str
    typology: str
    model_version: str


def settle(
    session: Session,
    case: Case,
    account: Account,
    target: Mapping[str, int],
    *,
    reason: EntryReason,
    now_ms: int,
    zone: ZoneInfo,
    balances: Mapping[_Line, int] | None = None,
    into: list[dict[str, Any]] | None = None,
) -> int:
    """Add the entries that bring an account of a case to its target.

    Lines keep the district, typology and model of the entry that opened them when an amount falls,
    so that every label's sum stays at or above zero.

    Args:
        target: amount per transfer id (``NOT_A_TRANSFER`` for none); others go to zero.
        balances: the account's balances if the caller loaded them for many cases at once.
        into: collects the entries for a caller that inserts those of many cases at once.

    Returns:
        The change of the account in minor units.
    """
    held = balances_of(session, [case.case_id], account) if balances is None else None
    lines = (held or {}).get(case.case_id, {}) if balances is None else dict(balances)
    rows: list[dict[str, Any]] = [] if into is None else into
    change = 0
    for transfer_id in sorted({line.transfer_id for line in lines} | set(target)):
        mine = {line: held for line, held in lines.items() if line.transfer_id == transfer_id}
        now_line = _Line(
            transfer_id, case.currency, case.district, case.typology, case.model_version
        )
        for line, delta in _moves(mine, now_line, target.get(transfer_id, 0)):
            change += delta
            rows.append(_entry(case, account, line, delta, reason, now_ms, zone))
    if into is None and rows:
        insert_rows(session, LedgerEntry, rows)
    return change


def rename(
    session: Session,
    case: Case,
    account: Account,
    old: str,
    new: str,
    amount_minor: int,
    *,
    now_ms: int,
    zone: ZoneInfo,
) -> None:
    """Move a part of a balance from one transfer id to another.

    It is the same money, so its labels stay and no label's sum changes.
    """
    rows = []
    for line, held in balances_of(session, [case.case_id], account).get(case.case_id, {}).items():
        moved = min(held, amount_minor) if line.transfer_id == old else 0
        if moved:
            amount_minor -= moved
            to = replace(line, transfer_id=new)
            rows.append(_entry(case, account, line, -moved, "late_loss", now_ms, zone))
            rows.append(_entry(case, account, to, moved, "late_loss", now_ms, zone))
    if rows:
        insert_rows(session, LedgerEntry, rows)


def hand_over(
    session: Session,
    source: Case,
    target: Case,
    account: Account,
    *,
    now_ms: int,
    zone: ZoneInfo,
) -> int:
    """Move an account of a case to another case; labels stay, so no label's sum changes.

    Returns:
        The moved amount in minor units.
    """
    lines = balances_of(session, [source.case_id], account).get(source.case_id, {})
    rows = []
    for line, held in lines.items():
        rows.append(_entry(source, account, line, -held, "merged", now_ms, zone))
        rows.append(_entry(target, account, line, held, "merged", now_ms, zone))
    if rows:
        insert_rows(session, LedgerEntry, rows)
    return sum(lines.values())


def hand_over_claims(session: Session, source: Case, target: Case) -> None:
    """Let the transfers of one case count in the ledger of another from now on."""
    session.execute(
        update(LedgerClaim)
        .where(LedgerClaim.case_id == source.case_id)
        .values(case_id=target.case_id)
    )


def balances_of(
    session: Session, case_ids: Iterable[str], account: Account
) -> dict[str, dict[_Line, int]]:
    """The balances of an account, per case and line; lines at zero are left out."""
    total = func.sum(LedgerEntry.amount_minor)
    rows = session.execute(
        select(
            LedgerEntry.case_id,
            LedgerEntry.transfer_id,
            LedgerEntry.currency,
            LedgerEntry.district,
            LedgerEntry.typology,
            LedgerEntry.model_version,
            total,
        )
        .where(LedgerEntry.case_id.in_(list(case_ids)), LedgerEntry.account == account)
        .group_by(
            LedgerEntry.case_id,
            LedgerEntry.transfer_id,
            LedgerEntry.currency,
            LedgerEntry.district,
            LedgerEntry.typology,
            LedgerEntry.model_version,
        )
        .having(total != 0)
    )
    balances: dict[str, dict[_Line, int]] = {}
    for case_id, transfer_id, currency, district, typology, model, amount in rows:
        line = _Line(transfer_id or NOT_A_TRANSFER, currency, district, typology, model)
        balances.setdefault(case_id, {})[line] = int(amount)
    return balances


def by_transfer(lines: Mapping[_Line, int]) -> dict[str, int]:
    """Balances of one case summed per transfer id."""
    totals: dict[str, int] = {}
    for line, amount in lines.items():
        totals[line.transfer_id] = totals.get(line.transfer_id, 0) + amount
    return totals


def claim_transfers(session: Session, warnings: Iterable[Warning_]) -> dict[tuple[str, str], str]:
    """Claim each transfer for the case that warned of it first.

    Returns:
        The owning case per (tenant, transfer id).
    """
    wanted = {
        (warning.tenant, warning.subject_id): warning
        for warning in warnings
        if warning.subject_kind == "transfer"
    }
    if not wanted:
        return {}
    # Read as columns: another case may have handed its claims over since they were last read.
    claims = session.execute(
        select(LedgerClaim.tenant, LedgerClaim.transfer_id, LedgerClaim.case_id).where(
            among(LedgerClaim.tenant, LedgerClaim.transfer_id, wanted)
        )
    )
    owners = {(tenant, transfer_id): case_id for tenant, transfer_id, case_id in claims}
    rows = []
    for key, warning in wanted.items():
        if key not in owners:
            owners[key] = warning.case_id
            rows.append(
                {
                    "tenant": warning.tenant,
                    "transfer_id": warning.subject_id,
                    "case_id": warning.case_id,
                    "amount_minor": warning.amount_at_risk_minor,
                }
            )
    if rows:
        insert_rows(session, LedgerClaim, rows)
    return owners


def warned_money(
    warnings: Iterable[Warning_], owners: Mapping[tuple[str, str], str]
) -> list[WarnedMoney]:
    """The money of a case's warnings, as ``loss_estimate`` takes it."""
    return [
        WarnedMoney(
            transfer_id=warning.subject_id if warning.subject_kind == "transfer" else None,
            status=warning.subject_status,
            event_time_ms=warning.event_time_ms,
            amount_minor=warning.amount_at_risk_minor,
            expected_loss_minor=warning.expected_loss_minor,
            claimed_elsewhere=owners.get((warning.tenant, warning.subject_id), warning.case_id)
            != warning.case_id,
            withdrawn=warning.action == "withdraw",
        )
        for warning in warnings
    ]


def _moves(lines: Mapping[_Line, int], now_line: _Line, target: int) -> list[tuple[_Line, int]]:
    """Differences per line: growth goes to today's labels, shrinkage to the labels that hold it."""
    difference = target - sum(lines.values())
    if difference > 0:
        return [(now_line, difference)]
    moves = []
    for line in sorted(lines, key=lambda line: (line != now_line, line.typology)):
        taken = min(lines[line], -difference)
        if taken:
            moves.append((line, -taken))
            difference += taken
    return moves


def _entry(
    case: Case,
    account: Account,
    line: _Line,
    amount: int,
    reason: EntryReason,
    now_ms: int,
    zone: ZoneInfo,
) -> dict[str, object]:
    return {
        "case_id": case.case_id,
        "transfer_id": line.transfer_id or None,
        "account": account,
        "reason": reason,
        "amount_minor": amount,
        "currency": line.currency,
        "tenant": case.tenant,
        "district": line.district,
        "typology": line.typology,
        "model_version": line.model_version,
        "day": local_day(now_ms, zone),
        "at_ms": now_ms,
    }
