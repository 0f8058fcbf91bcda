"""Routes of the desk's tools: one step on many cases, and clues in bulk."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, ConfigDict, Field

from alerting.access import Principal
from alerting.cases.bulk_steps import BulkAction
from alerting.db.desk_tables import ClueImport
from alerting.service_errors import NotFoundError
from alerting.web.api.problem_documents import responses
from alerting.web.api.route_parameters import Service
from alerting.web.auth.route_access import access_of, require
from forewarn.contracts.list_entry import ListName

router = APIRouter(prefix="/v1", tags=["desk"])

Work = Annotated[Principal, Depends(require("case.work"))]
ReadLists = Annotated[Principal, Depends(require("list.read"))]
Propose = Annotated[Principal, Depends(require("list.propose"))]
Approve = Annotated[Principal, Depends(require("list.approve"))]
Key = Annotated[str, Path(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]
CaseId = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]
CHANGE = responses(401, 403, 404, 409, 422, 429, 503)


class BulkBody(BaseModel):
    """One step on up to 100 cases with one note."""

    model_config = ConfigDict(extra="forbid")

    action: BulkAction
    case_ids: Annotated[list[CaseId], Field(min_length=1, max_length=100)]
    note: Annotated[str, Field(max_length=2000, pattern=r"^[^\x00]*$")] = ""
    to: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] = ""
    duplicate_of: Annotated[str, Field(max_length=64, pattern=r"^[\x21-\x7e]*$")] = ""


class BulkView(BaseModel):
    """What became of one case: ``done``, or the code of the refusal."""

    case_id: str
    result: str


class ClueBody(BaseModel):
    """A CSV file as text with the columns kind, number, reason and days, and a header."""

    model_config = ConfigDict(extra="forbid")

    tenant: Annotated[str, Field(max_length=32, pattern=r"^[a-z0-9-]*$")] = "default"
    list: ListName = "watch"
    text: Annotated[str, Field(min_length=1, max_length=60_000, pattern=r"^[^\x00]*$")]
    reason: Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")] = ""


class ClueView(BaseModel):
    """One line of a file; ``fault`` is empty where it can be used."""

    line_no: int
    kind: str
    fault: str


class ImportView(BaseModel):
    """An import without its numbers."""

    import_id: str
    tenant: str
    list_name: str
    owner: str
    approver: str | None
    reason: str
    state: str
    clues: int
    created_at_ms: int

    @classmethod
    def of(cls, row: ClueImport) -> "ImportView":
        """The view of a row."""
        fields = {name: getattr(row, name) for name in cls.model_fields if name != "clues"}
        return cls(**fields, clues=len(row.clues))


@router.post("/cases/bulk", responses=CHANGE)
def bulk(request: Request, services: Service, who: Work, body: BulkBody) -> list[BulkView]:
    """Take one step on many cases; each is decided for itself."""
    if body.action == "assign":
        for case_id in body.case_ids:
            case = services.case_queries.get(who.scope, case_id)
            if body.to not in access_of(request).colleagues(case.tenant, case.district):
                raise NotFoundError("colleague", body.to)
    taken = services.bulk.take(
        body.action,
        body.case_ids,
        who,
        note=body.note,
        to=body.to,
        duplicate_of=body.duplicate_of,
    )
    return [BulkView(case_id=one.case_id, result=one.result) for one in taken]


@router.post("/clues/preview", responses=CHANGE)
def preview(services: Service, who: Propose, body: ClueBody) -> list[ClueView]:
    """What is wrong with each line of a file; nothing is kept."""
    lines = services.clue_imports.preview(
        who, tenant=body.tenant, name=body.list, data=body.text.encode("utf-8", "replace")
    )
    return [ClueView(line_no=one.line_no, kind=one.kind, fault=one.fault) for one in lines]


@router.post("/clues", status_code=201, responses=CHANGE)
def propose(services: Service, who: Propose, body: ClueBody) -> ImportView:
    """Propose the lines without a fault, which wait for a second person."""
    return ImportView.of(
        services.clue_imports.propose(
            who,
            tenant=body.tenant,
            name=body.list,
            data=body.text.encode("utf-8", "replace"),
            reason=body.reason,
        )
    )


@router.get("/clues", responses=responses(401, 403, 422, 429, 503))
def imports(services: Service, who: ReadLists) -> list[ImportView]:
    """The newest imports."""
    return [ImportView.of(row) for row in services.clue_imports.recent(who.scope)]


@router.post("/clues/{import_id}/{verdict}", responses=CHANGE)
def decide(
    services: Service, who: Approve, import_id: Key, verdict: Literal["approve", "reject", "undo"]
) -> ImportView:
    """Approve an import as the second person, reject it, or undo it as a whole."""
    if verdict == "undo":
        return ImportView.of(services.clue_imports.undo(import_id, who))
    return ImportView.of(services.clue_imports.decide(import_id, who, approve=verdict == "approve"))
