"""Numbers in clear for a minute: decided, limited, and in the audit log before they leave."""

from collections.abc import Sequence
from typing import Literal

from fastapi import Response

from alerting.access import Principal, UnmaskDecision
from alerting.access.access_errors import PermissionDeniedError
from alerting.service_errors import InvalidRequestError
from alerting.web.console.page_rendering import ConsolePage

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
    if decision.reason == "supervises" and why is None:
        raise InvalidRequestError(
            "Say why you need a number of another person's case.",
            code="unmask_needs_a_purpose",
            field="why",
        )
    page.services.unmaskings.record(who, case_id, decision, what=what, why=why or "")
    if not decision.allowed:
        raise PermissionDeniedError(
            f"These numbers stay hidden: {decision.reason.replace('_', ' ')}.",
            hint="Claim the case, or ask its holder.",
        )


def reveal(page: ConsolePage, shown: Sequence[tuple[str, str]]) -> Response:
    """Pairs of a masked value and the value in clear, which the page masks again after a minute."""
    return page.render(
        "parts/revealed.html", shown=shown, until_ms=page.now_ms + REVEAL_SECONDS * 1000
    )
