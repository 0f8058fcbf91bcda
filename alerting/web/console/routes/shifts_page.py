"""Shifts, which are entered and ended on the routing page."""

from datetime import datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, Path, Response

from alerting.access import Principal
from alerting.web.auth.route_access import require
from alerting.web.console.error_pages import ConsoleRoute
from alerting.web.console.page_rendering import ConsolePage, signed_in

router = APIRouter(route_class=ConsoleRoute)

Signed = Annotated[ConsolePage, Depends(signed_in)]
Planner = Annotated[Principal, Depends(require("routing.silence"))]
Word = Annotated[str, Form(min_length=1, max_length=200)]
HERE = "/console/routing#shifts"


@router.post("/console/routing/shifts")
def add_shift(
    page: Signed,
    who: Planner,
    team: Word,
    responder: Word,
    channel: Annotated[Literal["sms", "voice", "email"], Form()],
    address: Annotated[str, Form(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")],
    starts: Annotated[datetime, Form()],
    ends: Annotated[datetime, Form()],
    tenant: Annotated[str, Form(max_length=32)] = "default",
    district: Annotated[str, Form(max_length=12, pattern=r"^[0-9A-Za-z-]*$")] = "",
) -> Response:
    """Put a responder on call; times are local to the installation's time zone."""
    page.access.check_responder(who, tenant, responder)
    page.services.routing_service.add_shift(
        who,
        tenant=tenant,
        district=district,
        team=team,
        responder=responder,
        channel=channel,
        address=address,
        starts_at_ms=at_ms(starts, page.services.zone),
        ends_at_ms=at_ms(ends, page.services.zone),
    )
    return page.go(HERE)


@router.post("/console/routing/shifts/{shift_id}/end")
def end_shift(
    page: Signed, who: Planner, shift_id: Annotated[str, Path(max_length=64)]
) -> Response:
    """End a shift now."""
    page.services.routing_service.end_shift(shift_id, who)
    return page.go(HERE)


def at_ms(typed: datetime, zone: ZoneInfo) -> int:
    """Parse a typed time to UTC milliseconds; without an offset it is local time."""
    local = typed if typed.tzinfo else typed.replace(tzinfo=zone)
    return int(local.timestamp()) * 1000
