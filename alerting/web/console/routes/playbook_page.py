"""The playbook beside the story of a case, and the tasks that closed cases left out."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path, Response

from alerting.access import Principal
from alerting.web.auth.route_access import require
from alerting.web.console.error_pages import ConsoleRoute
from alerting.web.console.page_rendering import ConsolePage, signed_in
from alerting.web.console.queries.case_query import find_case

router = APIRouter(route_class=ConsoleRoute)

Signed = Annotated[ConsolePage, Depends(signed_in)]
Reader = Annotated[Principal, Depends(require("case.read"))]
Worker = Annotated[Principal, Depends(require("case.work"))]
Supervisor = Annotated[Principal, Depends(require("case.assign"))]
CaseId = Annotated[str, Path(max_length=64)]
DAYS = 7
DAY_MS = 86_400_000


@router.get("/console/cases/{case_id}/playbook")
def playbook(page: Signed, who: Reader, case_id: CaseId) -> Response:
    """The part of the case's page, as it stands."""
    return _part(page, who, case_id)


@router.post("/console/cases/{case_id}/tasks/{key}")
def tick(
    page: Signed,
    who: Worker,
    case_id: CaseId,
    key: Annotated[str, Path(max_length=40)],
    done: Annotated[bool, Form()],
) -> Response:
    """Tick a task, or take the tick back."""
    page.services.tasks.tick(case_id, who, key, done=done)
    if page.is_fragment:
        return _part(page, who, case_id)
    return page.go(f"/console/cases/{case_id}")


@router.get("/console/skipped-tasks")
def skipped_tasks(page: Signed, who: Supervisor) -> Response:
    """Required tasks left out in cases that were closed within a week."""
    with page.services.db.read() as session:
        rows = page.services.tasks.skipped(session, who.scope, page.now_ms - DAYS * DAY_MS)
    playbooks = page.services.playbooks.current
    texts = {
        (row.typology, row.task): playbooks.task_text(row.typology, row.task, page.t.language)
        for row in rows
    }
    return page.render(
        "skipped_tasks.html",
        rows=rows,
        texts=texts,
        days=DAYS,
        names=page.access.names_of({row.holder for row in rows if row.holder}),
    )


def _part(page: ConsolePage, who: Principal, case_id: str) -> Response:
    with page.services.db.read() as session:
        case = find_case(session, case_id, who)
        found = page.services.tasks.of_case(session, case)
    return page.render(
        "parts/case_playbook.html",
        case=case,
        found=found,
        names=page.access.names_of({one.by for one in found.tasks if one.by}),
    )
