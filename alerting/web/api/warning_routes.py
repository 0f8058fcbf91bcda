"""Routes that accept warnings and losses over HTTP."""

import re
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Header, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field

from alerting.access import Principal
from alerting.cases.loss_service import Loss
from alerting.ingest.warning_decoder import decode_warning, received_over_http
from alerting.service_errors import NotFoundError
from alerting.web.api.idempotency import digest_of_request
from alerting.web.api.operation_routes import DistrictCode, Instant, Number, TenantName
from alerting.web.api.problem_documents import responses
from alerting.web.api.route_parameters import MAX_MINOR, Service
from alerting.web.api.warning_intake import IncomingWarning, WarningIntake
from alerting.web.auth.route_access import require, who_may
from forewarn.contracts.fraud_warning import FraudWarning

router = APIRouter(prefix="/v1", tags=["warnings"])

_KEY = r"^[\x21-\x7e]+$"
_KEY_MAX = 128
_KEY_RULE = re.compile(rf"{_KEY[:-1]}\Z")
IdempotencyHeader = Annotated[
    str | None, Header(alias="Idempotency-Key", max_length=_KEY_MAX, pattern=_KEY)
]
COMPONENTS = "#/components/schemas/{name}"


class IngestResult(BaseModel):
    """The result of a warning."""

    warning_id: str
    case_id: str
    result: str


class UnwarnedLossBody(BaseModel):
    """A reported loss; it says nothing about a caller, a payee or a case.

    ``district`` may be left out by those who see all districts, or if the victim has a case.
    """

    model_config = ConfigDict(extra="forbid")

    tenant: TenantName = "default"
    district: DistrictCode = ""
    subscriber: Number
    lost_minor: Annotated[int, Field(ge=1, le=MAX_MINOR)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "CNY"
    transfer_id: Annotated[str, Field(max_length=64, pattern=r"^[\x21-\x7e]+$")] | None = None
    lost_at_ms: Instant


class LossView(BaseModel):
    """Where the report went: an outcome of its own, or the case that warned of the transfer."""

    event_id: str | None
    case_id: str | None


def json_schemas() -> dict[str, Any]:
    """Schemas of the event structs, for the OpenAPI document."""
    _, components = msgspec.json.schema_components([FraudWarning], ref_template=COMPONENTS)
    return components


def _body(name: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": COMPONENTS.format(name=name)}}}
    return {"requestBody": {"required": True, "content": content}}


class _WarningRoute(APIRoute):
    """A route that FastAPI documents, and whose dependencies are called without it.

    Hundreds of warnings arrive in a second, and to resolve dependencies took a fifth of the processor
    time of each.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The endpoint with what its signature asks for."""

        async def handle(request: Request) -> Response:
            who = await who_may(request, "warning.write")
            key = _idempotency_key(request)
            return await raise_warning(request, request.app.state.services, who, key)

        return handle


def _idempotency_key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is not None and (len(key) > _KEY_MAX or not _KEY_RULE.match(key)):
        fault = {
            "type": "string_pattern_mismatch",
            "loc": ("header", "Idempotency-Key"),
            "msg": f"1 to {_KEY_MAX} printable characters of ASCII without a space",
        }
        raise RequestValidationError([fault])
    return key


warning_router = APIRouter(prefix="/v1", tags=["warnings"], route_class=_WarningRoute)


@warning_router.post(
    "/warnings",
    status_code=201,
    response_model=IngestResult,
    responses={**responses(401, 403, 404, 409, 422, 429, 503), 200: {"model": IngestResult}},
    openapi_extra=_body("FraudWarning"),
)
async def raise_warning(
    request: Request,
    services: Service,
    who: Annotated[Principal, Depends(require("warning.write"))],
    idempotency_key: IdempotencyHeader = None,
) -> Response:
    """Ingest one warning; 201 if it is new, 200 if it revises or repeats one.

    Of the revisions over HTTP the one raised last wins. None outranks a revision from the topic, and
    ``source`` is always set here.
    """
    body = await request.body()
    warning = received_over_http(decode_warning(body), services.clock())
    if not who.scope.admits(warning.tenant, warning.district):
        raise NotFoundError("district", warning.district)
    intake: WarningIntake = request.app.state.warning_intake
    digest = digest_of_request(body) if idempotency_key else ""
    answer = await intake.answer(IncomingWarning(warning, who, idempotency_key, digest))
    if isinstance(answer, Exception):
        raise answer
    return JSONResponse(answer.body, answer.status)


@router.post("/losses", status_code=202, responses=responses(401, 403, 404, 422, 429, 503))
def report_loss(
    services: Service,
    who: Annotated[Principal, Depends(require("outcome.write"))],
    body: UnwarnedLossBody,
) -> LossView:
    """Report a loss: the label of a missed fraud, or a late loss of the case that warned of it."""
    taken = services.unwarned_losses.report(who, Loss(**body.model_dump()))
    return LossView(event_id=taken.event_id, case_id=taken.case_id)
