"""Routes of lists, silences, shifts and the routing in use."""

from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from alerting.access import Principal, Scope
from alerting.access.masking import mask_account, mask_phone
from alerting.db.contact_tables import ListItem
from alerting.db.dispatch_tables import Shift, Silence
from alerting.notify.dispatch.page_trial import trial_document, try_pages
from alerting.service_errors import NotFoundError
from alerting.web.api.problem_documents import responses
from alerting.web.api.route_parameters import Service
from alerting.web.auth.route_access import access_of, require
from forewarn.contracts.fraud_warning import Severity
from forewarn.contracts.list_entry import ListName, PeerKind

router = APIRouter(prefix="/v1", tags=["desk"])

ReadLists = Annotated[Principal, Depends(require("list.read"))]
Propose = Annotated[Principal, Depends(require("list.propose"))]
Approve = Annotated[Principal, Depends(require("list.approve"))]
ReadRouting = Annotated[Principal, Depends(require("routing.read"))]
ChangeRouting = Annotated[Principal, Depends(require("routing.silence"))]

READ = responses(401, 403, 422, 429, 503)
CHANGE = responses(401, 403, 404, 409, 422, 429, 503)
Token = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]
TokenPath = Annotated[str, Path(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]
Number = Annotated[str, Field(min_length=3, max_length=20, pattern=r"^\+?[0-9]+$")]
TenantName = Annotated[str, Field(max_length=32, pattern=r"^[a-z0-9-]*$")]
DistrictCode = Annotated[str, Field(max_length=12, pattern=r"^[0-9A-Za-z-]*$")]
Word = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]
Instant = Annotated[int, Field(ge=0, le=4_102_444_800_000, description="UTC milliseconds")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _RowView(BaseModel):
    """A view whose fields have the names of the row's columns."""

    @classmethod
    def of(cls, row: Silence | Shift) -> Self:
        """The view of a row."""
        return cls(**{name: getattr(row, name) for name in cls.model_fields})


class ListBody(_Body):
    """A new entry; it has to expire, and ``subscriber`` is for ``pair`` only."""

    tenant: TenantName = "default"
    list: ListName
    kind: PeerKind
    peer: Token
    subscriber: Number | None = None
    reason: Word
    expires_at_ms: Instant | None = None


class ListView(BaseModel):
    """An entry; numbers and accounts are masked."""

    entry_id: str
    tenant: str
    list: str
    kind: str
    peer: str
    subscriber: str
    reason: str
    owner: str
    approver: str | None
    state: str
    created_at_ms: int
    expires_at_ms: int | None

    @classmethod
    def of(cls, row: ListItem) -> "ListView":
        """The view of a row."""
        mask = mask_phone if row.kind == "phone" else mask_account
        masked = {"peer": mask(row.peer), "subscriber": mask_phone(row.subscriber)}
        plain = {name: getattr(row, name) for name in cls.model_fields if name not in masked}
        return cls(**plain, **masked)


class SilenceBody(_Body):
    """Withhold the pages of matching cases, for a time and with a reason.

    A person who does not see all districts has to name one of their own.
    """

    tenant: TenantName = "default"
    matchers: dict[Literal["tenant", "district", "typology", "severity"], Word]
    reason: Word
    expires_at_ms: Instant
    starts_at_ms: Instant | None = None


class SilenceView(_RowView):
    """A silence."""

    silence_id: str
    tenant: str
    matchers: dict[str, str]
    reason: str
    owner: str
    state: str
    approver: str | None
    starts_at_ms: int
    expires_at_ms: int


class ShiftBody(_Body):
    """A responder on call; a district code includes those below it, an empty one means all.

    A person who does not see all districts has to name one of their own.
    """

    tenant: TenantName = "default"
    district: DistrictCode = ""
    team: Word
    responder: Word
    channel: Literal["sms", "voice", "email"]
    address: Token
    starts_at_ms: Instant
    ends_at_ms: Instant


class ShiftView(_RowView):
    """A shift without its address."""

    shift_id: str
    tenant: str
    district: str
    team: str
    responder: str
    channel: str
    starts_at_ms: int
    ends_at_ms: int


class RouteBody(_Body):
    """Labels of a case to try."""

    tenant: TenantName = "default"
    district: DistrictCode = ""
    typology: Word = "unknown"
    severity: Severity = "critical"


@router.get("/lists", responses=READ)
def lists(
    services: Service,
    who: ReadLists,
    name: Annotated[ListName | None, Query(alias="list")] = None,
    state: Literal["proposed", "active", "removed", "expired", "rejected"] | None = None,
) -> list[ListView]:
    """Entries of the lists, newest first."""
    return [ListView.of(row) for row in services.lists.list(who.scope, name=name, state=state)]


@router.post("/lists", status_code=201, responses=CHANGE)
def propose(services: Service, who: Propose, body: ListBody) -> ListView:
    """Propose an entry, which waits for a second person."""
    fields = body.model_dump(exclude={"list"})
    return ListView.of(services.lists.propose(who, name=body.list, **fields))


@router.post("/lists/{entry_id}/approve", responses=CHANGE)
def approve(services: Service, who: Approve, entry_id: TokenPath) -> ListView:
    """Put a proposed entry in force; not by its owner."""
    return ListView.of(services.lists.approve(entry_id, who))


@router.delete("/lists/{entry_id}", responses=CHANGE)
def remove(services: Service, who: Approve, entry_id: TokenPath) -> ListView:
    """Take an entry off its list, or reject a proposal."""
    return ListView.of(services.lists.remove(entry_id, who))


@router.get("/silences", responses=READ)
def silences(services: Service, who: ReadRouting) -> list[SilenceView]:
    """Present and future silences."""
    return [SilenceView.of(row) for row in services.routing_service.silences(who.scope)]


@router.post("/silences", status_code=201, responses=CHANGE)
def silence(services: Service, who: ChangeRouting, body: SilenceBody) -> SilenceView:
    """Withhold pages; cases stay in the queue."""
    return SilenceView.of(services.routing_service.silence(who, **body.model_dump()))


@router.post("/silences/{silence_id}/approve", responses=CHANGE)
def approve_silence(services: Service, who: ChangeRouting, silence_id: TokenPath) -> SilenceView:
    """Approve a silence of critical cases as the second person."""
    return SilenceView.of(services.routing_service.approve_silence(silence_id, who))


@router.delete("/silences/{silence_id}", responses=CHANGE)
def end_silence(services: Service, who: ChangeRouting, silence_id: TokenPath) -> SilenceView:
    """End a silence now."""
    return SilenceView.of(services.routing_service.end_silence(silence_id, who))


@router.get("/shifts", responses=READ)
def shifts(services: Service, who: ReadRouting) -> list[ShiftView]:
    """Present and future shifts."""
    return [ShiftView.of(row) for row in services.routing_service.shifts(who.scope)]


@router.post("/shifts", status_code=201, responses=CHANGE)
def add_shift(
    request: Request, services: Service, who: ChangeRouting, body: ShiftBody
) -> ShiftView:
    """Put a responder on call, who has to be a person that signs in."""
    access_of(request).check_responder(who, body.tenant, body.responder)
    return ShiftView.of(services.routing_service.add_shift(who, **body.model_dump()))


@router.delete("/shifts/{shift_id}", responses=CHANGE)
def end_shift(services: Service, who: ChangeRouting, shift_id: TokenPath) -> ShiftView:
    """End a shift now."""
    return ShiftView.of(services.routing_service.end_shift(shift_id, who))


@router.post("/routing/trial", responses=CHANGE)
def trial(services: Service, who: ReadRouting, body: RouteBody) -> list[dict[str, Any]]:
    """Where a case with these labels would go, and who would be paged now; nothing is sent.

    `reason` is `paged`, or why no page would go out (`silenced`, `inhibited`, `team_budget`, `quiet_hours`,
    `nobody_to_page`), with its end in `until_ms` where that is known.
    """
    if not who.scope.covers(Scope.of([body.tenant], [])):
        raise NotFoundError("tenant", body.tenant)
    with services.db.read() as session:
        trials = try_pages(
            session,
            services.routing.current,
            body.model_dump(),
            available=services.notices.available,
            now_ms=services.clock(),
        )
    return [trial_document(found) for found in trials]
