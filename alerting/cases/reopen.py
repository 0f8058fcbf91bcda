"""A closed case that is open again, whether a person or a worse warning opens it."""

from alerting.db.cases import Case


def open_again(case: Case, now_ms: int) -> str | None:
    """Bring the columns of a case back to those of an open one that nobody has yet.

    Its deadline, its money and its timers are the caller's to set.

    Returns:
        The disposition that it had.
    """
    before = case.disposition
    case.state = "dispatched"
    case.disposition = case.closed_at_ms = case.closed_by = case.duplicate_of = None
    case.holder = case.responded_at_ms = None
    case.prevented_minor, case.escalation_level = 0, 0
    case.opened_at_ms = now_ms  # a new round: its pages are none of those of the last one
    return before
