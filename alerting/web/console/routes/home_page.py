"""The first page of each role."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from alerting.access import Permission
from alerting.web.console.error_pages import ConsoleRoute
from alerting.web.console.page_rendering import ConsolePage, signed_in

router = APIRouter(route_class=ConsoleRoute)

_FIRST: tuple[tuple[Permission, str], ...] = (
    ("case.read", "queue"),
    ("report.read", "report"),
    ("audit.read", "audit"),
    ("access.manage", "keys"),
)


@router.get("/console/")
@router.get("/console")
def home(page: Annotated[ConsolePage, Depends(signed_in)]) -> Response:
    """Redirect to the page where this person's work begins."""
    for permission, name in _FIRST:
        if page.who.may(permission):
            return page.go(f"/console/{name}")
    return page.go("/console/patrol")
