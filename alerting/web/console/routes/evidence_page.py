"""The evidence pack of a case as a file."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path, Response

from alerting.access import Principal
from alerting.evidence.evidence_service import EvidenceRequest
from alerting.web.auth.route_access import require
from alerting.web.console.error_pages import ConsoleRoute
from alerting.web.console.evidence_words import evidence_words
from alerting.web.console.page_rendering import ConsolePage, signed_in

router = APIRouter(route_class=ConsoleRoute)

Signed = Annotated[ConsolePage, Depends(signed_in)]
Exporter = Annotated[Principal, Depends(require("evidence.export"))]


@router.post("/console/cases/{case_id}/evidence")
def evidence(
    page: Signed,
    who: Exporter,
    case_id: Annotated[str, Path(max_length=64)],
    reason: Annotated[str, Form(min_length=3, max_length=200)],
    clear: Annotated[bool, Form()] = False,
) -> Response:
    """Make the file; the audit log has its digest before it leaves."""
    words = evidence_words(page.t, page.services.zone, page.services.playbooks.current)
    content = page.services.evidence.export(case_id, who, EvidenceRequest(reason, clear), words)
    return Response(
        content,
        media_type="text/html; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="evidence-{case_id}.html"'},
    )
