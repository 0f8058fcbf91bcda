"""Routes of rotas: plans, duties, overrides, take-overs, swaps and calendars."""

from dataclasses import asdict
from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field

from alerting.access import Principal
from alerting.db.rota_tables import Rota, RotaChange
from alerting.notify.rota.rota_plan import LONGEST_PERIOD_MS, Member, Stint
from alerting.notify.rota.rota_service import RotaFields
from alerting.service_errors import InvalidRequestError, NotFoundError
from alerting.web.api.problem_documents import responses
from alerting.web.api.route_parameters import Service
from alerting.web.auth.route_access import access_of, address_of, require

router = APIRouter(prefix="/v1", tags=["rotas"])

ReadRotas = Annotated[Principal, Depends(require("rota.read"))]
ChangeDuties = Annotated[Principal, Depends(require("rota.change"))]
PlanRotas = Annotated[Principal, Depends(require("routing.silence"))]
READ = responses(401, 403, 422, 429, 503)
CHANGE = responses(401, 403, 404, 409, 422, 429, 503)
Word = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]
Code = Annotated[str, Field(max_length=12, pattern=r"^[0-9A-Za-z-]*$")]
Instant = Annotated[int, Field(ge=0, le=4_102_444_800_000, description="UTC milliseconds")]
InstantQuery = Annotated[int, Query(ge=0, le=4_102_444_800_000, description="UTC milliseconds")]
Key = Annotated[str, Path(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]
TimeOfDay = Annotated[str, Field(pattern=r"^[0-2][0-9]:[0-5][0-9]$")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class MemberBody(_Body):
    """A responder with the channel and address for pages."""

    responder: Word
    channel: Literal["sms", "voice", "email"]
    address: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]


class RotaBody(_Body):
    """A rotation: each member has ``turn_days`` days in turn; times of day are local to ``timezone``.

    A duty lasts from ``handover`` to ``ends``, or with an empty ``ends`` to the next handover.
    """

    tenant: Annotated[str, Field(max_length=32, pattern=r"^[a-z0-9-]*$")] = "default"
    district: Code = ""
    team: Word
    name: Word
    timezone: Annotated[str, Field(max_length=64)] = "Asia/Shanghai"
    first_day: date
    handover: TimeOfDay = "08:00"
    ends: Annotated[str, Field(pattern=r"^([0-2][0-9]:[0-5][0-9])?$")] = ""
    turn_days: Annotated[int, Field(ge=1, le=28)] = 1
    weekdays: Annotated[frozenset[int], Field(min_length=1, max_length=7)] = frozenset(range(1, 8))
    members: Annotated[list[MemberBody], Field(min_length=1, max_length=60)]
    watched: bool = True


class RotaView(BaseModel):
    """A rota without the addresses of its members."""

    rota_id: str
    tenant: str
    district: str
    team: str
    name: str
    timezone: str
    first_day: str
    handover: str
    ends: str
    turn_days: int
    weekdays: list[int]
    members: list[str]
    watched: bool
    ends_at_ms: int | None

    @classmethod
    def of(cls, row: Rota) -> "RotaView":
        """The view of a row."""
        fields = {name: getattr(row, name) for name in cls.model_fields if name != "members"}
        return cls(**fields, members=[str(one["responder"]) for one in row.members])


class DutyView(BaseModel):
    """A responder on call; ``changed`` if by an override, a take-over or a swap."""

    rota_id: str
    responder: str
    starts_at_ms: int
    ends_at_ms: int
    changed: bool


class GapView(BaseModel):
    """A time without anyone on call."""

    tenant: str
    team: str
    district: str
    timezone: str
    starts_at_ms: int
    ends_at_ms: int


class OverrideBody(_Body):
    """Who is on call for a period, whatever the plan says."""

    responder: Word
    channel: Literal["sms", "voice", "email"]
    address: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]
    starts_at_ms: Instant
    ends_at_ms: Instant
    reason: Word


class RequestBody(_Body):
    """What a colleague is asked: to take over or hand over a period, or with ``theirs`` to swap.

    The period lies within one duty of either of the two; ``theirs`` within one of the colleague's.
    """

    colleague: Word
    starts_at_ms: Instant
    ends_at_ms: Instant
    their_starts_at_ms: Instant | None = None
    their_ends_at_ms: Instant | None = None
    reason: Word


class ChangeView(BaseModel):
    """An override, take-over or swap, without addresses."""

    change_id: str
    rota_id: str
    kind: str
    state: str
    asked_by: str
    asked_of: str | None
    reason: str
    stints: list[DutyView]

    @classmethod
    def of(cls, row: RotaChange) -> "ChangeView":
        """The view of a row."""
        fields = {name: getattr(row, name) for name in cls.model_fields if name != "stints"}
        stints = [
            DutyView(
                rota_id=row.rota_id,
                responder=one["responder"],
                starts_at_ms=one["starts_at_ms"],
                ends_at_ms=one["ends_at_ms"],
                changed=True,
            )
            for one in row.stints
        ]
        return cls(**fields, stints=stints)


@router.get("/rotas", responses=READ)
def rotas(services: Service, who: ReadRotas) -> list[RotaView]:
    """The rotas of one's tenants."""
    return [RotaView.of(row) for row in services.rotas.rotas(who.scope)]


@router.post("/rotas", status_code=201, responses=CHANGE)
def add_rota(request: Request, services: Service, who: PlanRotas, body: RotaBody) -> RotaView:
    """Make a rota; each member has to be a person that signs in."""
    members = tuple(Member(**one.model_dump()) for one in body.members)
    for responder in {one.responder for one in members}:
        access_of(request).check_responder(who, body.tenant, responder)
    fields = body.model_dump(exclude={"members"})
    return RotaView.of(services.rotas.add(who, RotaFields(**fields, members=members)))


@router.get("/rotas/duties", responses=READ)
def duties(
    services: Service, who: ReadRotas, from_ms: InstantQuery, to_ms: InstantQuery
) -> list[DutyView]:
    """The duties of one's tenants in a period of at most 400 days."""
    if not from_ms < to_ms <= from_ms + LONGEST_PERIOD_MS:
        raise InvalidRequestError("A period has 1 ms to 400 days.", code="not_a_period")
    found = services.rotas.duties(who.scope, from_ms, to_ms)
    return [
        DutyView(
            rota_id=duty.rota_id,
            responder=duty.member.responder,
            starts_at_ms=duty.starts_at_ms,
            ends_at_ms=duty.ends_at_ms,
            changed=duty.changed,
        )
        for of_rota in found.values()
        for duty in of_rota
    ]


@router.get("/rotas/gaps", responses=READ)
def gaps(
    services: Service, who: ReadRotas, from_ms: InstantQuery, to_ms: InstantQuery
) -> list[GapView]:
    """The times without anyone on call in a period of at most 400 days."""
    if not from_ms < to_ms <= from_ms + LONGEST_PERIOD_MS:
        raise InvalidRequestError("A period has 1 ms to 400 days.", code="not_a_period")
    return [GapView(**asdict(gap)) for gap in services.rotas.gaps(who.scope, from_ms, to_ms)]


@router.delete("/rotas/{rota_id}", responses=CHANGE)
def end_rota(services: Service, who: PlanRotas, rota_id: Key) -> RotaView:
    """End a rota now."""
    return RotaView.of(services.rotas.end(rota_id, who))


@router.post("/rotas/{rota_id}/overrides", status_code=201, responses=CHANGE)
def override(
    request: Request, services: Service, who: PlanRotas, rota_id: Key, body: OverrideBody
) -> ChangeView:
    """Put a person on call for a period, whatever the plan says."""
    tenant = next(
        (row.tenant for row in services.rotas.rotas(who.scope) if row.rota_id == rota_id), None
    )
    if tenant is None:
        raise NotFoundError("rota", rota_id)
    access_of(request).check_responder(who, tenant, body.responder)
    member = Member(body.responder, body.channel, body.address)
    stint = Stint(member, body.starts_at_ms, body.ends_at_ms)
    return ChangeView.of(services.rotas.override(rota_id, who, stint, body.reason))


@router.post("/rotas/{rota_id}/requests", status_code=201, responses=CHANGE)
def ask(services: Service, who: ChangeDuties, rota_id: Key, body: RequestBody) -> ChangeView:
    """Ask a colleague for a take-over or a swap, which needs their consent."""
    period = (body.starts_at_ms, body.ends_at_ms)
    if body.their_starts_at_ms is None or body.their_ends_at_ms is None:
        made = services.rota_requests.take_over(
            rota_id, who, colleague=body.colleague, period=period, reason=body.reason
        )
    else:
        made = services.rota_requests.swap(
            rota_id,
            who,
            colleague=body.colleague,
            mine=period,
            theirs=(body.their_starts_at_ms, body.their_ends_at_ms),
            reason=body.reason,
        )
    return ChangeView.of(made)


@router.get("/rota-requests", responses=READ)
def requests(services: Service, who: ChangeDuties) -> list[ChangeView]:
    """What one asked or is asked and is not answered yet."""
    return [ChangeView.of(row) for row in services.rota_requests.open_requests(who)]


@router.post("/rota-requests/{change_id}/{answer}", responses=CHANGE)
def answer_request(
    services: Service,
    who: ChangeDuties,
    change_id: Key,
    answer: Literal["agree", "decline"],
) -> ChangeView:
    """Agree or decline, as the person who was asked."""
    return ChangeView.of(services.rota_requests.answer(change_id, who, answer))


@router.delete("/rota-requests/{change_id}", responses=CHANGE)
def withdraw(services: Service, who: ChangeDuties, change_id: Key) -> ChangeView:
    """Take back what one asked."""
    return ChangeView.of(services.rota_requests.withdraw(change_id, who))


@router.get(
    "/calendars/{token}.ics",
    responses={
        200: {"content": {"text/calendar": {"schema": {"type": "string"}}}},
        **responses(404, 422, 429, 503),
    },
    response_class=Response,
)
async def calendar(
    request: Request,
    services: Service,
    token: Annotated[str, Path(min_length=1, max_length=64, pattern=r"^[0-9A-Za-z_-]+$")],
) -> Response:
    """One person's duties as iCalendar; the address itself is the secret, so no key is asked for."""
    access = access_of(request)
    owner = await run_in_threadpool(services.calendars.owner, token)
    if owner is None or not await run_in_threadpool(access.may_sign_in, owner):
        access.guessed(address_of(request))
        raise NotFoundError("calendar", "of this address")
    found = await run_in_threadpool(services.calendars.read, token)
    return Response(found, media_type="text/calendar; charset=utf-8")
