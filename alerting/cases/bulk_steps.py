"""One step on many cases: each is decided and taken for itself, so one refusal stops no other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from alerting.access import Principal
from alerting.access.access_errors import PermissionDeniedError
from alerting.cases.case_service import CaseService
from alerting.cases.closure_service import Closure, ClosureService
from alerting.service_errors import AlertingError, InvalidRequestError

BulkAction = Literal["claim", "assign", "false_alarm", "duplicate"]
MAX_CASES = 100


@dataclass(frozen=True, slots=True)
class BulkResult:
    """What became of one case: ``done``, or the code of the refusal."""

    case_id: str
    result: str

    @property
    def done(self) -> bool:
        """Whether the step was taken."""
        return self.result == "done"


class BulkSteps:
    """Claims, assigns, or closes many cases with one note."""

    def __init__(self, cases: CaseService, closures: ClosureService) -> None:
        self._cases = cases
        self._closures = closures

    def take(
        self,
        action: BulkAction,
        case_ids: Sequence[str],
        who: Principal,
        *,
        note: str,
        to: str = "",
        duplicate_of: str = "",
    ) -> list[BulkResult]:
        """Take a step on each case, in the order given; a case named twice counts once.

        A case that this person does not hold is claimed before it is closed.

        Args:
            action: the step; ``false_alarm`` and ``duplicate`` close.
            case_ids: at most 100.
            who: who acts; scope and holder are checked for each case.
            note: kept in the history of each case.
            to: the colleague's subject, for ``assign``.
            duplicate_of: the case that the others repeat, for ``duplicate``.

        Raises:
            InvalidRequestError: no case or too many are named, or a field is missing.
            PermissionDeniedError: this person may not assign cases.
        """
        if action == "assign" and not who.may("case.assign"):
            raise PermissionDeniedError("Your role does not include case.assign.")
        wanted = list(dict.fromkeys(case_ids))
        if not 1 <= len(wanted) <= MAX_CASES:
            raise InvalidRequestError("Choose 1 to 100 cases.", code="not_that_many_cases")
        if action == "assign" and not to:
            raise InvalidRequestError("Name a colleague.", code="needs_a_colleague", field="to")
        if action == "duplicate" and not duplicate_of:
            raise InvalidRequestError(
                "Name the case that the others repeat.", code="duplicate_needs_the_other_case"
            )
        results = []
        for case_id in wanted:
            try:
                self._one(action, case_id, who, note, to, duplicate_of)
            except AlertingError as error:
                results.append(BulkResult(case_id, error.code))
            else:
                results.append(BulkResult(case_id, "done"))
        return results

    def _one(
        self, action: BulkAction, case_id: str, who: Principal, note: str, to: str, other: str
    ) -> None:
        if action == "assign":
            self._cases.assign(case_id, who, to=to)
        elif action == "claim":
            self._cases.claim(case_id, who)
        else:
            closure = Closure(
                "duplicate" if action == "duplicate" else "false_alarm",
                note=note,
                duplicate_of=other if action == "duplicate" else None,
            )
            self._cases.claim(case_id, who)
            self._closures.close(case_id, who, closure)
            return
        if note:
            self._cases.note(case_id, who, text=note)
