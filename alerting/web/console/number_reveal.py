"""Numbers in clear for a minute: decided, limited, and in the audit log before they leave."""

from collections.abc import Sequence
from typing import Literal

from fastapi import Response

from alerting.access import Principal, UnmaskDecision
from alerting.access.access_errors import PermissionDeniedError
from alerting.service_errors import InvalidRequestError, StepRefusedError
from alerting.service_metrics import UNMASKINGS
from alerting.web.console.page_rendering import ConsolePage
from alerting.web.console.queries.unmask_query import hourly_limit, unmaskings

UnmaskPurpose = Literal["holder_absent", "help_holder", "complaint", "review_of_work"]
REVEAL_SECONDS = 60


def check_reveal(
    page: ConsolePage,
    who: Principal,
    case_id: str,
    what: str,
    decision: UnmaskDecision,
    why: UnmaskPurpose | None,
) -> None:
    """Record a request to see numbers in clear, and refuse it where it is not allowed.

    Who does not hold the case says why; the purposes are a closed set, since the audit log takes no
    free text.

    Raises:
        InvalidRequestError: the purpose is missing.
        StepRefusedError: the hourly limit is reached.
        PermissionDeniedError: role or case do not allow it.
    """
    with page.services.db.read() as session:
        limited = unmaskings(session, who, page.now_ms) >= hourly_limit(who)
    if decision.reason == "supervises" and why is None:
        raise InvalidRequestError(
            "Say why you need a number of another person's case.",
            code="unmask_needs_a_purpose",
            field="why",
        )
    allowed = decision.allowed and not limited
    reason = "hourly_limit" if decision.allowed and limited else decision.reason
    page.access.record(
        who,
        "personal.unmasked" if allowed else "personal.unmask_refused",
        case_id,
        what=what,
        reason=reason,
        **({"why": why} if why else {}),
    )
    result = "shown" if allowed else "limited" if reason == "hourly_limit" else "refused"
    UNMASKINGS.labels(result).inc()
    if result == "limited":
        raise StepRefusedError(
            "You have reached the hourly limit of numbers in clear.", code="unmask_limit"
        )
    if not allowed:
        raise PermissionDeniedError(
            f"These numbers stay hidden: {reason.replace('_', ' ')}.",
            hint="Claim the case, or ask its holder.",
        )


def reveal(page: ConsolePage, shown: Sequence[tuple[str, str]]) -> Response:
    """Pairs of a masked value and the value in clear, which the page masks again after a minute."""
    return page.render(
        "parts/revealed.html", shown=shown, until_ms=page.now_ms + REVEAL_SECONDS * 1000
    )
