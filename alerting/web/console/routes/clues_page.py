"""Clues from a CSV file: preview, proposal, approval by a second person, undo."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, File, Form, Path, Response, UploadFile

from alerting.access import Principal
from alerting.linkage.clues.clue_file import ClueLine
from alerting.web.auth.route_access import require
from alerting.web.console.error_pages import ConsoleRoute
from alerting.web.console.page_rendering import ConsolePage, signed_in
from forewarn.contracts.list_entry import ListName

router = APIRouter(route_class=ConsoleRoute)

Signed = Annotated[ConsolePage, Depends(signed_in)]
Reader = Annotated[Principal, Depends(require("list.read"))]
Proposer = Annotated[Principal, Depends(require("list.propose"))]
Approver = Annotated[Principal, Depends(require("list.approve"))]
HERE = "/console/clues"
MAX_SHOWN = 300


@router.get("/console/clues")
def clues_page(page: Signed, who: Reader) -> Response:
    """The newest imports, and the form for a file."""
    return _render(page, who, [])


@router.post("/console/clues")
async def read_file(
    page: Signed,
    who: Proposer,
    file: Annotated[UploadFile, File()],
    name: Annotated[ListName, Form()],
    step: Annotated[Literal["preview", "propose"], Form()],
    reason: Annotated[str, Form(max_length=500)] = "",
    tenant: Annotated[str, Form(max_length=32)] = "default",
) -> Response:
    """Show what each line says and what is wrong with it, or propose the lines without a fault."""
    data = await file.read()
    imports = page.services.clue_imports
    if step == "preview":
        return _render(page, who, imports.preview(who, tenant=tenant, name=name, data=data))
    imports.propose(who, tenant=tenant, name=name, data=data, reason=reason)
    return page.go(HERE)


@router.post("/console/clues/{import_id}/{verdict}")
def decide(
    page: Signed,
    who: Approver,
    import_id: Annotated[str, Path(max_length=64)],
    verdict: Literal["approve", "reject", "undo"],
) -> Response:
    """Approve, reject or undo an import."""
    imports = page.services.clue_imports
    if verdict == "undo":
        imports.undo(import_id, who)
    else:
        imports.decide(import_id, who, approve=verdict == "approve")
    return page.go(HERE)


def _render(page: ConsolePage, who: Principal, lines: list[ClueLine]) -> Response:
    rows = page.services.clue_imports.recent(who.scope)
    people = {row.owner for row in rows} | {row.approver for row in rows if row.approver}
    return page.render(
        "clues.html",
        rows=rows,
        lines=lines[:MAX_SHOWN],
        good=sum(not line.fault for line in lines),
        bad=sum(bool(line.fault) for line in lines),
        names=page.access.names_of(people),
        tenants=sorted(who.scope.tenants or {"default"}),
    )
