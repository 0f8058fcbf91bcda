"""The lists of blocked, trusted, excepted and watched numbers, and their approval."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form, Path, Query, Response

from alerting.access import Principal
from alerting.web.auth.route_access import require
from alerting.web.console.amount_input import optional
from alerting.web.console.error_pages import ConsoleRoute
from alerting.web.console.page_rendering import ConsolePage, signed_in
from forewarn.contracts.list_entry import ListName, PeerKind

router = APIRouter(route_class=ConsoleRoute)

Signed = Annotated[ConsolePage, Depends(signed_in)]
Reader = Annotated[Principal, Depends(require("list.read"))]
Proposer = Annotated[Principal, Depends(require("list.propose"))]
Approver = Annotated[Principal, Depends(require("list.approve"))]
EntryId = Annotated[str, Path(max_length=64)]
Verdict = Literal["approve", "reject"]
DAY_MS = 86_400_000


@router.get("/console/lists")
def lists_page(
    page: Signed,
    who: Reader,
    name: Annotated[str, Query(max_length=10, pattern="^[a-z]*$")] = "",
) -> Response:
    """Entries, newest first."""
    items = page.services.lists.list(who.scope, name=name or None)
    subjects = {item.owner for item in items} | {item.approver for item in items if item.approver}
    return page.render(
        "lists.html",
        items=items,
        sweeps=page.services.sweeps.held(who.scope),
        chosen=name,
        names=page.access.names_of(subjects),
        tenants=sorted(who.scope.tenants or {"default"}),
    )


@router.post("/console/lists")
def propose(
    page: Signed,
    who: Proposer,
    name: Annotated[ListName, Form()],
    kind: Annotated[PeerKind, Form()],
    peer: Annotated[str, Form(min_length=3, max_length=64, pattern=r"^[\x21-\x7e]+$")],
    reason: Annotated[str, Form(min_length=3, max_length=500)],
    tenant: Annotated[str, Form(max_length=32)] = "default",
    subscriber: Annotated[str, Form(max_length=20, pattern=r"^(\+?[0-9]+)?$")] = "",
    days: Annotated[int, Form(ge=1, le=3650)] = 30,
) -> Response:
    """Propose an entry for a number of days."""
    page.services.lists.propose(
        who,
        tenant=tenant,
        name=name,
        kind=kind,
        peer=peer,
        reason=reason,
        subscriber=optional(subscriber),
        expires_at_ms=page.now_ms + days * DAY_MS,
    )
    return page.go("/console/lists")


@router.post("/console/lists/{entry_id}/approve")
def approve(page: Signed, who: Approver, entry_id: EntryId) -> Response:
    """Approve an entry as the second person."""
    page.services.lists.approve(entry_id, who)
    return page.go("/console/lists")


@router.post("/console/lists/{entry_id}/remove")
def remove(page: Signed, who: Approver, entry_id: EntryId) -> Response:
    """Take an entry off, or reject a proposal."""
    page.services.lists.remove(entry_id, who)
    return page.go("/console/lists")


@router.post("/console/sweeps/{sweep_id}/{verdict}")
def decide(page: Signed, who: Approver, sweep_id: EntryId, verdict: Verdict) -> Response:
    """Approve or reject a sweep that waits for a supervisor."""
    sweeps = page.services.sweeps
    (sweeps.approve if verdict == "approve" else sweeps.reject)(sweep_id, who)
    return page.go("/console/lists")
