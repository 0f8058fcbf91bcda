"""The audit log: reading it and checking the chain."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response

from alerting.access import Principal
from alerting.cases import history
from alerting.web.auth.route_access import require
from alerting.web.console.error_pages import ConsoleRoute
from alerting.web.console.page_rendering import ConsolePage, signed_in
from alerting.web.console.queries.audit_query import load_audit

router = APIRouter(route_class=ConsoleRoute)

Signed = Annotated[ConsolePage, Depends(signed_in)]
Auditor = Annotated[Principal, Depends(require("audit.read"))]
Text = Annotated[str, Query(max_length=200)]


@router.get("/console/audit")
def audit_page(
    page: Signed,
    who: Auditor,
    actor: Text = "",
    subject: Text = "",
    before: Annotated[int | None, Query(ge=0, le=2**53)] = None,
) -> Response:
    """One page of records."""
    with page.services.db.read() as session:
        found = load_audit(
            session, who.scope, actor=actor.strip(), subject=subject.strip(), before=before
        )
    names = page.access.names_of({record.actor for record in found.records})
    return page.render(
        "audit.html", found=found, actor=actor, subject=subject, names=names, detail=detail_text
    )


def detail_text(detail: str) -> str:
    """The details of a record as one line of names and values, without empty ones."""
    pairs: dict[str, Any] = json.loads(detail)
    return " · ".join(
        f"{name.replace('_', ' ')}: {_flat(value)}"
        for name, value in pairs.items()
        if value not in ([], {}, "", None)
    )


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_flat(inner)}" for name, inner in value.items())
    return ", ".join(map(_flat, value)) if isinstance(value, list) else str(value)


@router.post("/console/audit/verify")
def verify(page: Signed, who: Auditor) -> Response:
    """Check the whole chain now; the log records the check itself."""
    result = history.verify(page.services.db)
    page.access.record(
        who, "audit.verified", "audit_log", lines=result.lines, whole=not result.fault
    )
    return page.render("parts/chain.html", result=result)
