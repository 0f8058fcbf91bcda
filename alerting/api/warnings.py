"""Routes that take in warnings and losses over HTTP."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Header, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from alerting.access import Principal
from alerting.access.dependencies import require
from alerting.api.idempotency import Answer, IdempotencyStore
from alerting.api.parts import Service
from alerting.api.problems import responses
from alerting.cases.closing import report_unwarned_loss
from alerting.ingest.decode import decode_warning
from alerting.services import Services
from forewarn.events.codec import decode_outcome
from forewarn.events.outcomes import Outcome
from forewarn.events.warnings import FraudWarning

router = APIRouter(prefix="/v1", tags=["warnings"])

IdempotencyHeader = Annotated[
    str | None, Header(alias="Idempotency-Key", max_length=128, pattern=r"^[\x21-\x7e]+$")
]
COMPONENTS = "#/components/schemas/{name}"


class Taken(BaseModel):
    """What became of a warning."""

    warning_id: str
    case_id: str
    result: str


def json_schemas() -> dict[str, Any]:
    """Schemas of the event structs, for the OpenAPI document."""
    _, components = msgspec.json.schema_components([FraudWarning, Outcome], ref_template=COMPONENTS)
    return components


def _body(name: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": COMPONENTS.format(name=name)}}}
    return {"requestBody": {"required": True, "content": content}}


@router.post(
    "/warnings",
    status_code=201,
    response_model=Taken,
    responses={**responses(401, 403, 409, 422, 429, 503), 200: {"model": Taken}},
    openapi_extra=_body("FraudWarning"),
)
async def raise_warning(
    request: Request,
    services: Service,
    who: Annotated[Principal, Depends(require("warning.write"))],
    idempotency_key: IdempotencyHeader = None,
) -> Response:
    """Take in one warning; 201 if it is new, 200 if it revises or repeats one.

    The newest revision of a warning wins, as on the topic.
    """
    body = await request.body()
    answer = await run_in_threadpool(_ingest, services, who, body, idempotency_key)
    return JSONResponse(answer.body, answer.status)


@router.post(
    "/losses",
    status_code=202,
    responses=responses(401, 403, 422, 429, 503),
    openapi_extra=_body("Outcome"),
)
async def report_loss(
    request: Request,
    services: Service,
    who: Annotated[Principal, Depends(require("outcome.write"))],
) -> dict[str, str]:
    """Report a loss that no warning came before: the label of a missed fraud."""
    outcome = decode_outcome(await request.body())
    await run_in_threadpool(report_unwarned_loss, services.db, outcome, who, services.clock())
    return {"event_id": outcome.event_id}


def _ingest(services: Services, who: Principal, body: bytes, key: str | None) -> Answer:
    store = IdempotencyStore(services.db, services.clock)
    if key and (known := store.find(who.subject, key, body)):
        return known
    warning = decode_warning(body)
    applied = services.ingestor.ingest([warning], "http")
    warning_id, case_id, result = applied.results[0]
    status = 201 if result == "raised" else 200
    answer = Answer(status, {"warning_id": warning_id, "case_id": case_id, "result": result})
    if key:
        store.keep(who.subject, key, body, answer)
    return answer
