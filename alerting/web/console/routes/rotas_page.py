"""Rotas: the calendar with its gaps, take-overs and swaps, and plans."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form, Path, Response

from alerting.access import Principal
from alerting.notify.rota.rota_plan import EVERY_DAY, Member, Stint
from alerting.notify.rota.rota_service import RotaFields
from alerting.service_errors import InvalidRequestError
from alerting.web.auth.route_access import require
from alerting.web.console.error_pages import ConsoleRoute
from alerting.web.console.page_rendering import ConsolePage, signed_in
from alerting.web.console.queries.rota_calendar import DAYS, load_calendar
from alerting.web.console.routes.shifts_page import at_ms
from forewarn.platform.words import Translator

router = APIRouter(route_class=ConsoleRoute)

Signed = Annotated[ConsolePage, Depends(signed_in)]
Reader = Annotated[Principal, Depends(require("rota.read"))]
Changer = Annotated[Principal, Depends(require("rota.change"))]
Planner = Annotated[Principal, Depends(require("routing.silence"))]
Word = Annotated[str, Form(min_length=1, max_length=200)]
Address = Annotated[str, Form(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]
Channel = Annotated[Literal["sms", "voice", "email"], Form()]
DutyKey = Annotated[str, Form(max_length=120, pattern=r"^[\x21-\x7e]+\|[0-9]{1,14}\|[0-9]{1,14}\|")]
Id = Annotated[str, Path(max_length=64)]
HERE = "/console/rotas"


@router.get("/console/rotas")
def rotas_page(page: Signed, who: Reader, day: date | None = None) -> Response:
    """Two weeks of all rotas, from a local day on."""
    return _render(page, who, day)


@router.post("/console/rotas")
def add_rota(
    page: Signed,
    who: Planner,
    team: Word,
    name: Word,
    first_day: Annotated[date, Form()],
    members: Annotated[str, Form(min_length=1, max_length=10_000)],
    handover: Annotated[str, Form(max_length=5)] = "08:00",
    ends: Annotated[str, Form(max_length=5)] = "",
    turn_days: Annotated[int, Form(ge=1, le=28)] = 1,
    weekdays: Annotated[list[int] | None, Form()] = None,
    timezone: Annotated[str, Form(max_length=64)] = "",
    tenant: Annotated[str, Form(max_length=32)] = "default",
    district: Annotated[str, Form(max_length=12, pattern=r"^[0-9A-Za-z-]*$")] = "",
    watched: Annotated[bool, Form()] = False,
) -> Response:
    """Make a rota; members are lines of a subject, a channel and an address."""
    found = members_of(members, page.t)
    for responder in {one.responder for one in found}:
        page.access.check_responder(who, tenant, responder)
    page.services.rotas.add(
        who,
        RotaFields(
            tenant=tenant,
            district=district,
            team=team,
            name=name,
            timezone=timezone or page.services.zone.key,
            first_day=first_day,
            handover=handover,
            ends=ends,
            turn_days=turn_days,
            weekdays=frozenset(weekdays or EVERY_DAY),
            members=found,
            watched=watched,
        ),
    )
    return page.go(HERE)


@router.post("/console/rotas/{rota_id}/end")
def end_rota(page: Signed, who: Planner, rota_id: Id) -> Response:
    """End a rota now."""
    page.services.rotas.end(rota_id, who)
    return page.go(HERE)


@router.post("/console/rotas/override")
def override(
    page: Signed,
    who: Planner,
    rota_id: Word,
    responder: Word,
    channel: Channel,
    address: Address,
    starts: Annotated[datetime, Form()],
    ends: Annotated[datetime, Form()],
    reason: Word,
) -> Response:
    """Put a person on call for a period; times are local to the installation's time zone."""
    for row in page.services.rotas.rotas(who.scope):
        if row.rota_id == rota_id:
            page.access.check_responder(who, row.tenant, responder)
    zone = page.services.zone
    stint = Stint(Member(responder, channel, address), at_ms(starts, zone), at_ms(ends, zone))
    page.services.rotas.override(rota_id, who, stint, reason)
    return page.go(HERE)


@router.post("/console/rotas/take-over")
def take_over(
    page: Signed,
    who: Changer,
    duty: DutyKey,
    reason: Word,
    colleague: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Ask a colleague to take over one's duty, or for theirs."""
    rota_id, period, responder = duty_of(duty)
    asked = colleague if responder == who.subject else responder
    page.services.rota_requests.take_over(
        rota_id, who, colleague=asked, period=period, reason=reason
    )
    return page.go(HERE)


@router.post("/console/rotas/swap")
def swap(page: Signed, who: Changer, mine: DutyKey, theirs: DutyKey, reason: Word) -> Response:
    """Ask a colleague to swap duties."""
    rota_id, period, _ = duty_of(mine)
    other_id, other_period, responder = duty_of(theirs)
    if rota_id != other_id:
        raise InvalidRequestError(
            "The two duties are of two rotas.", code="two_rotas", field="theirs"
        )
    page.services.rota_requests.swap(
        rota_id, who, colleague=responder, mine=period, theirs=other_period, reason=reason
    )
    return page.go(HERE)


@router.post("/console/rotas/requests/{change_id}/{answer}")
def answer_request(
    page: Signed, who: Changer, change_id: Id, answer: Literal["agree", "decline", "withdraw"]
) -> Response:
    """Agree, decline, or take back what one asked."""
    if answer == "withdraw":
        page.services.rota_requests.withdraw(change_id, who)
    else:
        page.services.rota_requests.answer(change_id, who, answer)
    return page.go(HERE)


@router.post("/console/rotas/calendar")
def open_calendar(page: Signed, who: Reader) -> Response:
    """Make the secret address of one's calendar, and show it once; an earlier one ends."""
    token = page.services.calendars.open(who, page.t.language)
    address = f"{page.access.public_url}/v1/calendars/{token}.ics"
    return _render(page, who, None, address)


@router.post("/console/rotas/calendar/end")
def close_calendar(page: Signed, who: Reader) -> Response:
    """End the address of one's calendar."""
    page.services.calendars.close(who)
    return page.go(HERE)


def members_of(text: str, t: Translator) -> tuple[Member, ...]:
    """The members that a form lists, one a line: subject, channel, address.

    A channel is named by its word in the language of the page, or by its code.

    Raises:
        InvalidRequestError: a line has another shape.
    """
    codes = {t(f"rota_channel.{code}").lower(): code for code in ("sms", "voice", "email")}
    found = []
    for line in text.splitlines():
        words = line.split()
        if not words:
            continue
        if len(words) != 3:
            raise InvalidRequestError(
                "Each line is a subject, a channel and an address.",
                code="not_a_member_line",
                field="members",
            )
        subject, channel, address = words
        found.append(Member(subject, codes.get(channel.lower(), channel), address))
    return tuple(found)


def duty_of(key: str) -> tuple[str, tuple[int, int], str]:
    """The rota, the period and the responder of a duty that a form names."""
    rota_id, starts, ends, responder = key.split("|", 3)
    return rota_id, (int(starts), int(ends)), responder


def _render(page: ConsolePage, who: Principal, day: date | None, address: str = "") -> Response:
    zone = page.services.zone
    first = day or datetime.fromtimestamp(page.now_ms / 1000, UTC).astimezone(zone).date()
    if not 2000 <= first.year <= 2100:
        raise InvalidRequestError("The day is out of range.", code="not_a_period")
    found = load_calendar(page.services, who, first, page.now_ms)
    people = {duty.member.responder for duty in found.duties}
    people |= {name for row in found.requests for name in (row.asked_by, row.asked_of or "")}
    people |= {one["responder"] for row in found.rotas for one in row.members}
    return page.render(
        "rotas.html",
        calendar=found,
        names=page.access.names_of(people - {""}),
        before=first - timedelta(days=DAYS),
        after=first + timedelta(days=DAYS),
        today=first,
        address=address,
        has_address=page.services.calendars.is_open(who),
        teams=sorted({row.team for row in page.services.routing.current.receivers}),
        tenants=sorted(who.scope.tenants or {"default"}),
    )
