"""The audit log: reading it and checking the chain."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response

from alerting.access import Principal
from alerting.cases import history
from alerting.db.journal_tables import AuditRecord
from alerting.web.auth.route_access import require
from alerting.web.console.detail_texts import DetailWords, detail_text, people_in
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
    details: dict[int, dict[str, Any]] = {
        record.record_no: json.loads(record.detail) for record in found.records
    }
    people = {record.actor for record in found.records} | people_in(details.values())
    names = page.access.names_of(people)
    playbooks, language = page.services.playbooks.current, page.t.language

    def written(record: AuditRecord) -> str:
        words = DetailWords(
            page.t,
            page.services.zone,
            names,
            found.currencies.get(record.subject, ""),
            lambda typology, key: playbooks.task_text(typology, key, language),
        )
        return detail_text(details[record.record_no], words)

    return page.render(
        "audit.html", found=found, actor=actor, subject=subject, names=names, detail=written
    )


@router.post("/console/audit/verify")
def verify(page: Signed, who: Auditor) -> Response:
    """Check the whole chain now; the log records the check itself."""
    result = history.verify(page.services.db)
    page.access.record(
        who, "audit.verified", "audit_log", lines=result.lines, whole=not result.fault
    )
    return page.render("parts/chain.html", result=result)
