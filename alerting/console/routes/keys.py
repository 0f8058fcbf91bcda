"""API keys of services: made, listed and revoked by administrators.

Keys have the role ``service`` and no other: an administrator, who sees no personal data, could
otherwise make a key that does.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path, Response

from alerting.access import Grants, Principal, require
from alerting.console.errors import ConsoleRoute
from alerting.console.pages import Page, signed_in

router = APIRouter(route_class=ConsoleRoute)

Signed = Annotated[Page, Depends(signed_in)]
Administrator = Annotated[Principal, Depends(require("access.manage"))]
Words = Annotated[str, Form(max_length=400, pattern=r"^[0-9A-Za-z*\s-]*$")]


@router.get("/console/keys")
def keys_page(page: Signed, who: Administrator) -> Response:  # noqa: ARG001  (refuses others)
    """Every key but its secret."""
    return _render(page)


@router.post("/console/keys")
def make(
    page: Signed,
    who: Administrator,
    name: Annotated[str, Form(min_length=1, max_length=100)],
    days: Annotated[int, Form(ge=1, le=730)],
    tenants: Words = "*",
    districts: Words = "*",
) -> Response:
    """Make a key and show it this once."""
    info, key = page.access.keys.create(
        name=name,
        grants=Grants.of(["service"], tenants.split(), districts.split()),
        created_by=who.subject,
        days=days,
        now_ms=page.now_ms,
    )
    page.access.record(who, "access.key_made", f"key:{info.key_id}", days=days)
    return _render(page, made=key)


@router.post("/console/keys/{key_id}/revoke")
def revoke(
    page: Signed, who: Administrator, key_id: Annotated[str, Path(max_length=16)]
) -> Response:
    """End a key at once."""
    if page.access.keys.revoke(key_id, page.now_ms):
        page.access.record(who, "access.key_revoked", f"key:{key_id}")
    return page.go("/console/keys")


def _render(page: Page, made: str = "") -> Response:
    keys = page.access.keys.all()
    names = page.access.names_of({key.created_by for key in keys})
    return page.render("keys.html", keys=keys, made=made, names=names)
