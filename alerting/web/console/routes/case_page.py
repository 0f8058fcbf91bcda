"""The page of a case and the steps that can be taken on it."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Form, Path, Query, Response

from alerting.access import Principal
from alerting.access.masking import mask_account, mask_phone
from alerting.cases.case_service import ContactMethod
from alerting.cases.closure_service import Closure
from alerting.cases.late_loss_service import LateLoss
from alerting.notify.dispatch.three_way_calls import Other
from alerting.service_errors import InvalidRequestError, NotFoundError
from alerting.web.auth.route_access import require
from alerting.web.console import case_graph
from alerting.web.console.amount_input import amount_minor
from alerting.web.console.detail_texts import people_in
from alerting.web.console.error_pages import ConsoleRoute
from alerting.web.console.number_reveal import UnmaskPurpose, check_reveal, reveal
from alerting.web.console.page_rendering import ConsolePage, signed_in
from alerting.web.console.queries import case_query as queries
from alerting.web.console.queries.case_query import CaseDetail, SeenCase
from forewarn.contracts.outcome import Disposition

router = APIRouter(route_class=ConsoleRoute, prefix="/console/cases/{case_id}")

Signed = Annotated[ConsolePage, Depends(signed_in)]
Reader = Annotated[Principal, Depends(require("case.read"))]
Worker = Annotated[Principal, Depends(require("case.work"))]
Assigner = Annotated[Principal, Depends(require("case.assign"))]
Reopener = Annotated[Principal, Depends(require("case.reopen"))]
CaseId = Annotated[str, Path(max_length=64)]
Version = Annotated[int | None, Form(ge=0)]
Note = Annotated[str, Form(max_length=2000)]
What = Literal["subscriber", "caller", "payee", "payer", "relatives"]
PHONE = r"^\+?[0-9]+$"


@router.get("")
def case_page(page: Signed, who: Reader, case_id: CaseId) -> Response:
    """The whole page."""
    return _render(page, who, case_id, "case.html")


@router.get("/live")
def live(
    page: Signed,
    who: Reader,
    case_id: CaseId,
    seen: Annotated[str, Query(max_length=100, pattern=r"^[0-9a-f.-]*$")] = "",
) -> Response:
    """The head and the parts that changed since the page was drawn; 204 if nothing happened."""
    before = SeenCase.of(seen)
    with page.services.db.read() as session:
        version = queries.find_case(session, case_id, who).version
        if before.story == f"{version}-{queries.newest_event_no(session, case_id)}":
            return Response(status_code=204)
    return _render(page, who, case_id, "parts/case_live.html", before=before)


@router.post("/claim")
def claim(page: Signed, who: Worker, case_id: CaseId, version: Version = None) -> Response:
    """Take the case, and go to it."""
    page.services.case_service.claim(case_id, who, version=version)
    if page.request.headers.get("hx-target") == "case":  # from the page of the case itself
        return _after(page, who, case_id, "toast.claimed")
    return page.go(f"/console/cases/{case_id}")


@router.post("/release")
def release(page: Signed, who: Worker, case_id: CaseId, reason: Note = "") -> Response:
    """Give the case back to the queue."""
    page.services.case_service.release(case_id, who, reason=reason)
    return page.go("/console/queue")


@router.post("/assign")
def assign(
    page: Signed, who: Assigner, case_id: CaseId, to: Annotated[str, Form(max_length=200)]
) -> Response:
    """Hand the case to a colleague who could work on it."""
    with page.services.db.read() as session:
        found = queries.find_case(session, case_id, who)
    if to not in page.access.colleagues(found.tenant, found.district):
        raise NotFoundError("colleague", to)
    page.services.case_service.assign(case_id, who, to=to)
    return _after(page, who, case_id, "toast.assigned")


@router.post("/contact")
def contact(
    page: Signed,
    who: Worker,
    case_id: CaseId,
    reached: Annotated[bool, Form()],
    method: Annotated[ContactMethod, Form()] = "phone",
    note: Note = "",
) -> Response:
    """Record an attempt to reach the person."""
    page.services.case_service.contact(case_id, who, method=method, reached=reached, note=note)
    toast = "toast.reached" if reached else "toast.not_reached"
    return _after(page, who, case_id, toast, undo=f"/console/cases/{case_id}/contact/undo")


@router.post("/contact/undo")
def withdraw_contact(page: Signed, who: Worker, case_id: CaseId) -> Response:
    """Take back the attempt that this person has just recorded."""
    page.services.case_service.withdraw_contact(case_id, who)
    return _after(page, who, case_id, "toast.withdrawn")


@router.post("/note")
def note(page: Signed, who: Worker, case_id: CaseId, text: Note) -> Response:
    """Add a remark."""
    page.services.case_service.note(case_id, who, text=text)
    return _after(page, who, case_id, "toast.noted")


@router.post("/close")
def close(
    page: Signed,
    who: Worker,
    case_id: CaseId,
    disposition: Annotated[Disposition, Form()],
    prevented: Annotated[str, Form(max_length=40)] = "",
    lost: Annotated[str, Form(max_length=40)] = "",
    duplicate_of: Annotated[str, Form(max_length=64)] = "",
    note: Note = "",
    version: Version = None,
) -> Response:
    """Close the case with its outcome."""
    closure = Closure(
        disposition=disposition,
        prevented_minor=_amount_minor(page, who, case_id, prevented, "prevented"),
        lost_minor=_amount_minor(page, who, case_id, lost, "lost") or 0,
        note=note,
        duplicate_of=duplicate_of or None,
        refuse_excess=True,
    )
    page.services.closures.close(case_id, who, closure, version=version)
    return _after(page, who, case_id, "toast.closed")


@router.post("/reopen")
def reopen(
    page: Signed,
    who: Reopener,
    case_id: CaseId,
    reason: Annotated[str, Form(min_length=3, max_length=2000)],
) -> Response:
    """Open a closed case again."""
    page.services.closures.reopen(case_id, who, reason=reason)
    return _after(page, who, case_id, "toast.reopened")


@router.post("/relatives")
def add_relative(
    page: Signed,
    who: Worker,
    case_id: CaseId,
    phone: Annotated[str, Form(min_length=3, max_length=20, pattern=PHONE)],
    name: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    """Register a relative to call when the victim cannot be reached."""
    page.services.emergency_contacts.add(who, case_id, phone=phone, name=name)
    return _after(page, who, case_id, "toast.relative_added")


@router.post("/relatives/correction")
def correct_relative(
    page: Signed,
    who: Worker,
    case_id: CaseId,
    relative: Annotated[str, Form(pattern=r"^[0-9a-f]{8,64}$")],
    phone: Annotated[str, Form(min_length=3, max_length=20, pattern=PHONE)],
) -> Response:
    """Correct the number of a relative, named by its keyed hash."""
    page.services.emergency_contacts.correct(who, case_id, relative=relative, phone=phone)
    return _after(page, who, case_id, "toast.relative_corrected")


@router.post("/three-way-calls")
def three_way_call(
    page: Signed,
    who: Worker,
    case_id: CaseId,
    relative: Annotated[str, Form(pattern=r"^([0-9a-f]{8,64})?$")] = "",
    phone: Annotated[str, Form(max_length=20, pattern=r"^(\+?[0-9]{3,19})?$")] = "",
) -> Response:
    """Have the voice gateway connect the person with a relative, named by its keyed hash, or an officer."""
    other: Other = "relative" if relative else "officer"
    if relative:
        phone = page.services.emergency_contacts.phone_of(who, case_id, relative)
    if not phone:
        raise InvalidRequestError("Enter a number.", code="not_a_number", field="phone")
    page.services.three_way_calls.call(case_id, who, other=other, phone=phone)
    return _after(page, who, case_id, "toast.three_way_called")


@router.post("/losses")
def report_loss(
    page: Signed,
    who: Annotated[Principal, Depends(require("outcome.write"))],
    _reader: Reader,  # the answer is the case
    case_id: CaseId,
    lost: Annotated[str, Form(min_length=1, max_length=40)],
    transfer_id: Annotated[str, Form(max_length=64, pattern=r"^[\x21-\x7e]*$")] = "",
) -> Response:
    """Report a late loss; as much prevented loss is taken back."""
    loss = LateLoss(_amount_minor(page, who, case_id, lost, "lost") or 0, transfer_id or None)
    page.services.late_losses.report_loss(case_id, who, loss)
    return _after(page, who, case_id, "toast.loss_reported")


@router.post("/unmask")
def unmask(
    page: Signed,
    who: Reader,
    case_id: CaseId,
    what: Annotated[What, Form()],
    why: Annotated[UnmaskPurpose | None, Form()] = None,
) -> Response:
    """Show a number in clear for a minute, after the audit log has recorded it."""
    with page.services.db.read() as session:
        view = queries.load_case(session, case_id, who, page.now_ms)
    check_reveal(page, who, case_id, what, view.unmask, why)
    return reveal(page, _clear(view, what))


def _amount_minor(
    page: ConsolePage, who: Principal, case_id: str, text: str, field: str
) -> int | None:
    """A typed amount in minor units of the case's currency; None for an empty field."""
    if not text.strip():
        return None
    with page.services.db.read() as session:
        return amount_minor(text, queries.find_case(session, case_id, who).currency, field)


def _clear(view: CaseDetail, what: What) -> list[tuple[str, str]]:
    """Pairs of a masked value and the value in clear."""
    if what == "relatives":
        return [
            (f"{row.name} {mask_phone(row.phone)}".strip(), f"{row.name} {row.phone}".strip())
            for row in view.relatives
        ]
    if what == "subscriber":
        return [(mask_phone(view.case.subscriber), view.case.subscriber)]
    if what == "caller":
        return [(mask_phone(view.case.caller), view.case.caller or "")]
    account = view.case.payee if what == "payee" else view.payer
    return [(mask_account(account), account or "")]


def _after(
    page: ConsolePage, who: Principal, case_id: str, toast: str, *, undo: str | None = None
) -> Response:
    """The case after a step: its body for htmx, the page itself for a plain form."""
    if not page.is_fragment:
        return page.go(f"/console/cases/{case_id}")
    return _render(page, who, case_id, "parts/case_body.html", toast=page.t(toast), undo=undo)


def _render(
    page: ConsolePage,
    who: Principal,
    case_id: str,
    template: str,
    *,
    toast: str | None = None,
    undo: str | None = None,
    before: SeenCase | None = None,
) -> Response:
    with page.services.db.read() as session:
        view = queries.load_case(session, case_id, who, page.now_ms)
    own_peers = [
        peer for row in view.warnings for peer in case_graph.peers_of(row)
    ] or case_graph.peers_of(view.case)
    subjects = {moment.actor for moment in view.story if moment.actor}
    subjects |= {holder for holder in (view.case.holder, view.case.closed_by) if holder}
    subjects |= people_in(moment.facts for moment in view.story)
    values: dict[str, Any] = {
        "view": view,
        "case": view.case,
        "oob": before.changed(view.seen) if before else [],
        "names": page.access.names_of(subjects),
        "graph": case_graph.layout(view.case, own_peers, view.linked) if view.linked else None,
        "review_due": who.may("case.reopen") and page.services.reviews.waits_for(view.case, who),
        "relative_key": page.services.emergency_contacts.key_of,
        "linked": {other.case_id: other for other in view.linked},
        "colleagues": (
            page.access.colleagues(view.case.tenant, view.case.district)
            if who.may("case.assign")
            else {}
        ),
    }
    return page.render(template, toast=toast, undo=undo, **values)
