"""Ask for a sweep, in the transaction that confirms the swindler; the sweeper does it after."""

import hashlib
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerting.db.cases import Case, Warning_
from alerting.db.contacts import Sweep


def request(session: Session, case: Case, warnings: Sequence[Warning_], now_ms: int) -> list[str]:
    """Ask to sweep the callers and payees of a case whose fraud is confirmed.

    Returns:
        The ids of the sweeps asked for; one that was asked for before is not repeated.
    """
    peers = {("phone", row.caller) for row in warnings if row.caller}
    peers |= {("account", row.payee) for row in warnings if row.payee}
    asked = []
    for kind, peer in sorted((kind, peer) for kind, peer in peers if peer):
        name = f"{case.tenant}/{kind}/{peer}/{case.case_id}"
        sweep_id = f"s-{hashlib.blake2b(name.encode(), digest_size=10).hexdigest()}"
        if session.scalar(select(Sweep.sweep_id).where(Sweep.sweep_id == sweep_id)):
            continue
        session.add(
            Sweep(
                sweep_id=sweep_id,
                tenant=case.tenant,
                case_id=case.case_id,
                kind=kind,
                peer=peer,
                state="pending",
                requested_at_ms=now_ms,
            )
        )
        asked.append(sweep_id)
    return asked
