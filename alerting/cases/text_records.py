"""Records of low warnings: a text to the person and no case, but an entry in the ledger and an outcome."""

from sqlalchemy.orm import Session

from alerting.cases.case_accounts import CaseAccounts, balance_of, warnings_of
from alerting.cases.history import CaseHistory
from alerting.cases.timers import timer_schedule
from alerting.db.case_tables import Case

ACTOR = "system:text_only"


def close_text(session: Session, case: Case, accounts: CaseAccounts, now_ms: int) -> None:
    """Close the record of a low warning with what is known, in the caller's transaction.

    No one spoke with the person, so it is ``unreachable``, which says nothing about callers and
    payees, unless a loss was reported meanwhile. A payment that went through is no loss by itself: most
    low warnings are about honest ones.
    """
    rows = warnings_of(session, case)
    lost = balance_of(session, case, "lost")
    accounts.settle(session, case, "estimated", {}, "closed", now_ms)
    case.state = "closed"
    case.disposition = "loss_occurred" if sum(lost.values()) else "unreachable"
    case.closed_at_ms, case.closed_by = now_ms, ACTOR
    case.prevented_minor, case.lost_minor = 0, sum(lost.values())
    case.version += 1
    timer_schedule.stop(session, case.case_id)
    accounts.publish(session, case, rows, {}, lost, now_ms, now_ms)
    detail = {"disposition": case.disposition, "lost_minor": case.lost_minor}
    CaseHistory(session, ACTOR, now_ms).record(case.case_id, "text_closed", detail)
