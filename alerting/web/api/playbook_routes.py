"""Routes of playbooks: that of a case with its ticks, and tasks that closed cases left out."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict

from alerting.access import Principal
from alerting.cases.playbooks.playbook import Bilingual, Language
from alerting.web.api.problem_documents import responses
from alerting.web.api.route_parameters import Service
from alerting.web.auth.route_access import require

router = APIRouter(prefix="/v1", tags=["playbooks"])

Read = Annotated[Principal, Depends(require("case.read"))]
Work = Annotated[Principal, Depends(require("case.work"))]
Supervise = Annotated[Principal, Depends(require("case.assign"))]
Key = Annotated[str, Path(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]
DAY_MS = 86_400_000


class TaskView(BaseModel):
    """A task of a case; ``done_by`` is None while it is open."""

    key: str
    owner: str
    required: bool
    text: str
    done_by: str | None
    done_at_ms: int | None


class PlaybookView(BaseModel):
    """The playbook of a case in one language; ``version`` is that of the file."""

    typology: str
    version: int
    ask: list[str]
    say: list[str]
    avoid: list[str]
    tasks: list[TaskView]


class TickBody(BaseModel):
    """Whether the task is done."""

    model_config = ConfigDict(extra="forbid")

    done: bool = True


class SkippedView(BaseModel):
    """A required task without a tick when its case was closed."""

    case_id: str
    task: str
    typology: str
    district: str
    holder: str
    closed_at_ms: int


@router.get("/cases/{case_id}/playbook", responses=responses(401, 403, 404, 422, 429, 503))
def playbook(services: Service, who: Read, case_id: Key, language: Language = "zh") -> PlaybookView:
    """What to ask, say and do in a case, with the ticks in its history."""
    case = services.case_queries.get(who.scope, case_id)
    with services.db.read() as session:
        found = services.tasks.of_case(session, case)

    def words(sentences: tuple[Bilingual, ...]) -> list[str]:
        return [sentence(language) for sentence in sentences]

    return PlaybookView(
        typology=found.playbook.typology,
        version=found.version,
        ask=words(found.playbook.ask),
        say=words(found.playbook.say),
        avoid=words(found.playbook.avoid),
        tasks=[
            TaskView(
                key=state.task.key,
                owner=state.task.owner,
                required=state.task.required,
                text=state.task.text(language),
                done_by=state.by,
                done_at_ms=state.at_ms,
            )
            for state in found.tasks
        ],
    )


@router.post("/cases/{case_id}/tasks/{key}", responses=responses(401, 403, 404, 409, 422, 429, 503))
def tick(services: Service, who: Work, case_id: Key, key: Key, body: TickBody) -> dict[str, int]:
    """Tick a task, or take the tick back; answers the version of the case."""
    return {"version": services.tasks.tick(case_id, who, key, done=body.done).version}


@router.get("/skipped-tasks", responses=responses(401, 403, 422, 429, 503))
def skipped(
    services: Service, who: Supervise, days: Annotated[int, Query(ge=1, le=90)] = 7
) -> list[SkippedView]:
    """Required tasks that cases left out which were closed in the last days, newest first."""
    with services.db.read() as session:
        rows = services.tasks.skipped(session, who.scope, services.clock() - days * DAY_MS)
    return [
        SkippedView(**{name: getattr(row, name) for name in SkippedView.model_fields})
        for row in rows
    ]
