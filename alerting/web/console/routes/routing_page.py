"""Routing: trials of the tree, silences and shifts."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path, Query, Response

from alerting.access import Principal, Scope
from alerting.notify.dispatch.page_trial import PageTrial, try_pages
from alerting.web.auth.route_access import require
from alerting.web.console.error_pages import ConsoleRoute
from alerting.web.console.formats import local
from alerting.web.console.page_rendering import ConsolePage, signed_in

router = APIRouter(route_class=ConsoleRoute)

Signed = Annotated[ConsolePage, Depends(signed_in)]
Reader = Annotated[Principal, Depends(require("routing.read"))]
Silencer = Annotated[Principal, Depends(require("routing.silence"))]
Label = Annotated[str, Query(max_length=40, pattern=r"^[0-9A-Za-z_-]*$")]
Pattern = Annotated[str, Form(max_length=40, pattern=r"^[0-9A-Za-z_-]*\*?$")]
MINUTE_MS = 60_000
SHIFT_MS = 8 * 60 * MINUTE_MS  # what the form offers
WEEK_MINUTES = 7 * 24 * 60


@router.get("/console/routing")
def routing_page(
    page: Signed,
    who: Reader,
    tenant: Label = "default",
    district: Label = "",
    typology: Label = "",
    severity: Label = "",
) -> Response:
    """The form, and where a warning with these labels would go; nothing is sent."""
    labels = {
        "tenant": tenant,
        "district": district,
        "typology": typology,
        "severity": severity,
    }
    silences = page.services.routing_service.silences(who.scope)
    shifts = page.services.routing_service.shifts(who.scope)
    tenants = sorted(who.scope.tenants or {"default"})
    trials: list[PageTrial] = []
    if severity and who.scope.covers(Scope.of([tenant], [])):
        with page.services.db.read() as session:
            trials = try_pages(
                session,
                page.services.routing.current,
                labels,
                available=page.services.notices.available,
                now_ms=page.now_ms,
            )
    return page.render(
        "routing.html",
        labels=labels,
        trials=trials,
        fault=page.services.routing.fault,
        silences=silences,
        shifts=shifts,
        teams=sorted({row.team for row in page.services.routing.current.receivers}),
        colleagues=_colleagues(page, who, tenants) if who.may("routing.silence") else {},
        next_shift=[local(page.now_ms + ms, page.services.zone) for ms in (0, SHIFT_MS)],
        names=page.access.names_of(
            {row.owner for row in silences}
            | {row.approver for row in silences if row.approver}
            | {row.responder for row in shifts}
            | {person.name for trial in trials for person in trial.people}
        ),
        tenants=tenants,
    )


@router.post("/console/routing/silences")
def silence(
    page: Signed,
    who: Silencer,
    minutes: Annotated[int, Form(ge=1, le=WEEK_MINUTES)],
    reason: Annotated[str, Form(min_length=3, max_length=500)],
    tenant: Annotated[str, Form(max_length=32)] = "default",
    district: Pattern = "",
    typology: Pattern = "",
    severity: Pattern = "",
) -> Response:
    """Withhold the pages of cases that match; the cases stay in the queue."""
    wanted = {"district": district, "typology": typology, "severity": severity}
    page.services.routing_service.silence(
        who,
        tenant=tenant,
        matchers={label: pattern for label, pattern in wanted.items() if pattern},
        reason=reason,
        expires_at_ms=page.now_ms + minutes * MINUTE_MS,
    )
    return page.go("/console/routing")


@router.post("/console/routing/silences/{silence_id}/approve")
def approve_silence(
    page: Signed, who: Silencer, silence_id: Annotated[str, Path(max_length=64)]
) -> Response:
    """Approve a silence of critical cases as the second person."""
    page.services.routing_service.approve_silence(silence_id, who)
    return page.go("/console/routing")


@router.post("/console/routing/silences/{silence_id}/end")
def end_silence(
    page: Signed, who: Silencer, silence_id: Annotated[str, Path(max_length=64)]
) -> Response:
    """End a silence now."""
    page.services.routing_service.end_silence(silence_id, who)
    return page.go("/console/routing")


def _colleagues(page: ConsolePage, who: Principal, tenants: Sequence[str]) -> dict[str, str]:
    """People to offer for a shift: those who may work on cases of one of these districts."""
    districts = who.scope.districts
    places = [""] if districts is None else [pattern.rstrip("*") for pattern in districts]
    found: dict[str, str] = {}
    for tenant in tenants:
        for place in places:
            found |= page.access.colleagues(tenant, place)
    return found
