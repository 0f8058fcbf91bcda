"""Request the sweeps of a case, and retract them, in the transaction that changes the case."""

import hashlib
from collections.abc import Sequence

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from alerting.db.case_tables import Case, Warning_
from alerting.db.contact_tables import Sweep, SweepTarget
from alerting.db.dispatch_tables import Delivery

WAITING = ("pending", "held")
TAKEN_BACK = ("cancelled", "retracted")


def request(session: Session, case: Case, warnings: Sequence[Warning_], now_ms: int) -> list[str]:
    """Request sweeps for the callers and payees of a case whose fraud is confirmed.

    Args:
        session: the caller's write transaction.
        case: the case.
        warnings: its warnings in force; a withdrawn one names honest people.
        now_ms: UTC milliseconds.

    Returns:
        The ids of the requested sweeps. An earlier request is not repeated, unless it was taken
        back since.
    """
    peers = {("phone", row.caller) for row in warnings if row.caller}
    peers |= {("account", row.payee) for row in warnings if row.payee}
    asked = []
    for kind, peer in sorted((kind, peer) for kind, peer in peers if peer):
        name = f"{case.tenant}/{kind}/{peer}/{case.case_id}"
        sweep_id = f"s-{hashlib.blake2b(name.encode(), digest_size=10).hexdigest()}"
        sweep = session.get(Sweep, sweep_id)
        if sweep is None:
            sweep = Sweep(
                sweep_id=sweep_id, tenant=case.tenant, case_id=case.case_id, kind=kind, peer=peer
            )
            session.add(sweep)
        elif sweep.state not in TAKEN_BACK:
            continue
        else:
            session.execute(delete(SweepTarget).where(SweepTarget.sweep_id == sweep_id))
        sweep.state, sweep.requested_at_ms, sweep.finished_at_ms = "pending", now_ms, None
        asked.append(sweep_id)
    return asked


def suspend(session: Session, case_ids: Sequence[str]) -> None:
    """Cancel the sweeps that have not begun, of cases that are open again."""
    if not case_ids:
        return
    session.execute(
        update(Sweep)
        .where(Sweep.case_id.in_(case_ids), Sweep.state.in_(WAITING))
        .values(state="cancelled")
    )


def retract(session: Session, case: Case) -> None:
    """Retract the sweeps of a case that was not a fraud, and cancel their unsent texts."""
    suspend(session, [case.case_id])
    done = (Sweep.case_id == case.case_id, Sweep.state == "done")
    session.execute(
        update(Delivery)
        .where(
            Delivery.sweep_id.in_(select(Sweep.sweep_id).where(*done)),
            Delivery.state == "pending",
        )
        .values(state="cancelled", last_error="case_was_no_fraud")
    )
    session.execute(update(Sweep).where(*done).values(state="retracted"))


def other_case(session: Session, case_id: str, tenant: str, kind: str, peer: str) -> str | None:
    """Another case in which the same number or account is confirmed, if there is one."""
    return session.scalar(
        select(Sweep.case_id)
        .where(
            Sweep.tenant == tenant,
            Sweep.kind == kind,
            Sweep.peer == peer,
            Sweep.case_id != case_id,
            Sweep.state == "done",
        )
        .order_by(Sweep.requested_at_ms)
        .limit(1)
    )
