"""API keys of services and sessions of people, which administrators manage within their scope.

A key has one purpose, and none that reads cases: an administrator, who sees no personal data, could
otherwise make a key that does.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path, Response

from alerting.access import Grants, Principal
from alerting.access.roles import PURPOSES, Purpose
from alerting.service_errors import NotFoundError
from alerting.web.auth.route_access import require
from alerting.web.console.error_pages import ConsoleRoute
from alerting.web.console.page_rendering import ConsolePage, signed_in

router = APIRouter(route_class=ConsoleRoute)

Signed = Annotated[ConsolePage, Depends(signed_in)]
Administrator = Annotated[Principal, Depends(require("access.manage"))]
Words = Annotated[str, Form(max_length=400, pattern=r"^[0-9A-Za-z*\s-]*$")]


@router.get("/console/keys")
def keys_page(page: Signed, who: Administrator) -> Response:
    """The keys, without their secrets."""
    return _render(page, who)


@router.post("/console/keys")
def make(
    page: Signed,
    who: Administrator,
    name: Annotated[str, Form(min_length=1, max_length=100)],
    purpose: Annotated[Purpose, Form()],
    days: Annotated[int, Form(ge=1, le=730)],
    tenants: Words = "*",
    districts: Words = "*",
) -> Response:
    """Make a key and show it once."""
    grants = Grants.of([purpose], tenants.split(), districts.split())
    if not who.scope.covers(grants.scope):
        raise NotFoundError("tenant or district", f"{tenants} {districts}")
    _, key = page.access.keys.create(
        name=name, grants=grants, created_by=who.subject, days=days, now_ms=page.now_ms
    )
    return _render(page, who, made=key)


@router.post("/console/keys/{key_id}/revoke")
def revoke(
    page: Signed, who: Administrator, key_id: Annotated[str, Path(max_length=16)]
) -> Response:
    """End a key at once."""
    keys = page.access.keys
    if not keys.revoke(key_id, within=who.scope, by=who.subject, now_ms=page.now_ms):
        raise NotFoundError("key", key_id)
    return page.go("/console/keys")


@router.post("/console/sessions/{family}/end")
def end_session(
    page: Signed, who: Administrator, family: Annotated[str, Path(max_length=32)]
) -> Response:
    """End a person's session at once, on every replica."""
    if not page.access.end_session(who, family):
        raise NotFoundError("session", family)
    return page.go("/console/keys")


def _render(page: ConsolePage, who: Principal, made: str = "") -> Response:
    keys = page.access.keys.all(who.scope)
    sessions = page.access.open_sessions(who.scope)
    names = page.access.names_of({key.created_by for key in keys})
    tenants, districts = who.scope.lists()
    return page.render(
        "keys.html",
        keys=keys,
        made=made,
        sessions=sessions,
        names=names,
        purposes=PURPOSES,
        tenants=" ".join(tenants),
        districts=" ".join(districts),
    )
