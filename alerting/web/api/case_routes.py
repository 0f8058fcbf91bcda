"""Routes of cases: the queue, one case, and its steps."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from alerting.access import Principal
from alerting.access.masking import mask_phone
from alerting.cases.case_queries import MAX_PAGE, CaseFilter
from alerting.cases.case_service import ContactMethod
from alerting.cases.closure_service import Closure
from alerting.cases.late_loss_service import LateLoss
from alerting.cases.lifecycle import OPEN_STATES, State
from alerting.notify.dispatch.three_way_calls import Other
from alerting.service_errors import NotFoundError
from alerting.web.api.case_views import CaseFileView, CaseView
from alerting.web.api.problem_documents import responses
from alerting.web.api.route_parameters import MAX_MINOR, CaseId, Service
from alerting.web.auth.route_access import access_of, require
from forewarn.contracts.event import District
from forewarn.contracts.fraud_warning import Severity
from forewarn.contracts.outcome import Disposition

router = APIRouter(prefix="/v1/cases", tags=["cases"])

Reader = Annotated[Principal, Depends(require("case.read"))]
Worker = Annotated[Principal, Depends(require("case.work"))]
STEP = responses(401, 403, 404, 409, 422, 429, 503)
Text = Annotated[str, Field(max_length=2000, pattern=r"^[^\x00]*$")]
Word = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]
Minor = Annotated[int, Field(ge=0, le=MAX_MINOR, description="minor units of the currency")]
Version = Annotated[int, Field(ge=1, le=2**31 - 1)]
KnownAt = Annotated[int, Field(ge=0, le=4_102_444_800_000, description="UTC ms; default now")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class StepBody(_Body):
    """``version`` is the one that the caller saw; the step is refused if the case changed since."""

    version: Version | None = None


class ReasonBody(_Body):
    """The reason for a step."""

    reason: Word


class AssignBody(_Body):
    """``to`` is the subject of the person who gets the case."""

    to: Word


class ContactBody(_Body):
    """An attempt to reach the person."""

    method: ContactMethod
    reached: bool
    note: Text = ""


class NoteBody(_Body):
    """A remark."""

    text: Word


class CloseBody(StepBody):
    """The outcome.

    Without ``prevented_minor`` the transfers that were stopped count. An amount above the bound of
    the case is refused, unless ``cut_excess`` accepts that it is cut to the bound.
    """

    disposition: Disposition
    prevented_minor: Minor | None = None
    lost_minor: Minor = 0
    note: Text = ""
    duplicate_of: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    known_at_ms: KnownAt | None = None
    cut_excess: bool = False


class LossBody(_Body):
    """A late loss; give ``transfer_id`` or ``report_id`` so that it counts once."""

    lost_minor: Annotated[int, Field(ge=1, le=MAX_MINOR)]
    transfer_id: Annotated[str, Field(max_length=64, pattern=r"^[\x21-\x7e]+$")] | None = None
    report_id: Annotated[str, Field(max_length=48, pattern=r"^[\x21-\x7e]*$")] = ""
    known_at_ms: KnownAt | None = None


class RelativeBody(_Body):
    """A relative to call when the victim cannot be reached."""

    phone: Annotated[str, Field(min_length=3, max_length=20, pattern=r"^\+?[0-9]+$")]
    name: Annotated[str, Field(max_length=100, pattern=r"^[^\x00]*$")] = ""


class ThreeWayBody(_Body):
    """Whom to connect the person with; a relative has to be entered in the case."""

    other: Other
    phone: Annotated[str, Field(min_length=3, max_length=20, pattern=r"^\+?[0-9]+$")]


class CasePage(BaseModel):
    """A page of cases and how many there are in all."""

    cases: list[CaseView]
    total: int
    now_ms: int


@router.get("", responses=responses(401, 403, 422, 429, 503))
def list_cases(
    services: Service,
    who: Reader,
    state: Annotated[list[State] | None, Query(description="default: all open ones")] = None,
    severity: Annotated[list[Severity] | None, Query()] = None,
    district: Annotated[District | None, Query(max_length=12, pattern="^[0-9A-Za-z-]*$")] = None,
    mine: bool = False,
    overdue: bool = False,
    neglected: Annotated[
        bool, Query(description="only cases whose holder is late with the next step")
    ] = False,
    order: Literal["urgency", "newest"] = "urgency",
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
    offset: Annotated[int, Query(ge=0, le=100_000)] = 0,
) -> CasePage:
    """The queue: open cases, most urgent first."""
    conditions = CaseFilter(
        states=tuple(state or OPEN_STATES),
        severities=tuple(severity or ()),
        district=district,
        holder=who.subject if mine else None,
        overdue=overdue,
        neglected=neglected,
    )
    now_ms = services.clock()
    found = services.case_queries.list(
        who.scope, conditions, now_ms=now_ms, order=order, limit=limit, offset=offset
    )
    return CasePage(
        cases=[CaseView.of(case, now_ms) for case in found],
        total=services.case_queries.count(who.scope, conditions, now_ms=now_ms),
        now_ms=now_ms,
    )


@router.get("/{case_id}", responses=responses(401, 403, 404, 422, 429, 503))
def get_case(services: Service, who: Reader, case_id: CaseId) -> CaseFileView:
    """A case with its warnings, history, deliveries, ledger, timeline and linked cases."""
    file = services.case_queries.file(who.scope, case_id)
    timeline = services.case_queries.timeline(file.case)
    linked = services.case_queries.linked(who.scope, file.case)
    return CaseFileView.of(file, list(timeline), list(linked), services.clock())


@router.post("/{case_id}/claim", responses=STEP)
def claim(
    services: Service, who: Worker, case_id: CaseId, body: StepBody | None = None
) -> CaseView:
    """Take the case."""
    case = services.case_service.claim(case_id, who, version=body.version if body else None)
    return CaseView.of(case, services.clock())


@router.post("/{case_id}/acknowledge", responses=STEP)
def acknowledge(
    services: Service, who: Worker, case_id: CaseId, body: StepBody | None = None
) -> CaseView:
    """Answer a page: the case is the caller's from now on."""
    case = services.case_service.acknowledge(case_id, who, version=body.version if body else None)
    return CaseView.of(case, services.clock())


@router.post("/{case_id}/release", responses=STEP)
def release(services: Service, who: Worker, case_id: CaseId, body: ReasonBody) -> CaseView:
    """Give the case back to the queue."""
    case = services.case_service.release(case_id, who, reason=body.reason)
    return CaseView.of(case, services.clock())


@router.post("/{case_id}/assign", responses=STEP)
def assign(
    request: Request,
    services: Service,
    who: Annotated[Principal, Depends(require("case.assign"))],
    case_id: CaseId,
    body: AssignBody,
) -> CaseView:
    """Hand the case to a colleague who may work on it."""
    found = services.case_queries.get(who.scope, case_id)
    if body.to not in access_of(request).colleagues(found.tenant, found.district):
        raise NotFoundError("colleague", body.to)
    case = services.case_service.assign(case_id, who, to=body.to)
    return CaseView.of(case, services.clock())


@router.post("/{case_id}/contact", responses=STEP)
def contact(services: Service, who: Worker, case_id: CaseId, body: ContactBody) -> CaseView:
    """Record an attempt to reach the person."""
    case = services.case_service.contact(
        case_id, who, method=body.method, reached=body.reached, note=body.note
    )
    return CaseView.of(case, services.clock())


@router.post("/{case_id}/three-way-calls", status_code=202, responses=STEP)
def three_way_call(services: Service, who: Worker, case_id: CaseId, body: ThreeWayBody) -> CaseView:
    """Have the voice gateway connect the person with a relative or an officer."""
    case = services.three_way_calls.call(case_id, who, other=body.other, phone=body.phone)
    return CaseView.of(case, services.clock())


@router.post("/{case_id}/notes", responses=STEP)
def note(services: Service, who: Worker, case_id: CaseId, body: NoteBody) -> CaseView:
    """Add a remark."""
    return CaseView.of(services.case_service.note(case_id, who, text=body.text), services.clock())


@router.post("/{case_id}/relatives", status_code=201, responses=STEP)
def add_relative(
    services: Service, who: Worker, case_id: CaseId, body: RelativeBody
) -> dict[str, str]:
    """Register a relative to call when the victim cannot be reached; for the holder or a supervisor."""
    case = services.emergency_contacts.add(who, case_id, phone=body.phone, name=body.name)
    return {"subscriber": mask_phone(case.subscriber), "phone": mask_phone(body.phone)}


@router.post("/{case_id}/close", responses=STEP)
def close(services: Service, who: Worker, case_id: CaseId, body: CloseBody) -> CaseView:
    """Close the case with its outcome."""
    closure = Closure(
        disposition=body.disposition,
        prevented_minor=body.prevented_minor,
        lost_minor=body.lost_minor,
        note=body.note,
        duplicate_of=body.duplicate_of,
        known_at_ms=body.known_at_ms,
        refuse_excess=not body.cut_excess,
    )
    case = services.closures.close(case_id, who, closure, version=body.version)
    return CaseView.of(case, services.clock())


@router.post("/{case_id}/reopen", responses=STEP)
def reopen(
    services: Service,
    who: Annotated[Principal, Depends(require("case.reopen"))],
    case_id: CaseId,
    body: ReasonBody,
) -> CaseView:
    """Open a closed case again."""
    case = services.closures.reopen(case_id, who, reason=body.reason)
    return CaseView.of(case, services.clock())


@router.post("/{case_id}/losses", responses=STEP)
def report_loss(
    services: Service,
    who: Annotated[Principal, Depends(require("outcome.write"))],
    _reader: Reader,  # the answer is the case
    case_id: CaseId,
    body: LossBody,
) -> CaseView:
    """Report money lost after the warning; as much prevented loss is taken back."""
    loss = LateLoss(body.lost_minor, body.transfer_id, body.report_id, body.known_at_ms)
    return CaseView.of(services.late_losses.report_loss(case_id, who, loss), services.clock())
