"""Routes of the prevented-loss report, and of gateways' delivery reports."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, ValidationError

from alerting.access import NotAuthenticatedError, Principal
from alerting.cases.ledger.prevented_loss_report import Dimension, report
from alerting.notify.dispatch.gateway_reports import GatewayResult
from alerting.service_errors import InvalidRequestError
from alerting.web.api.operation_routes import TokenPath
from alerting.web.api.problem_documents import responses
from alerting.web.api.route_parameters import Service
from alerting.web.auth.route_access import require
from forewarn.platform.request_signature import KEY, Signed, is_signed

router = APIRouter(prefix="/v1", tags=["reports"])

Day = Annotated[str | None, Query(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]


class ReportLine(BaseModel):
    """Sums in minor units; ``values`` are those of the dimensions, in the order asked for."""

    values: list[str]
    currency: str
    estimated_minor: int
    released_minor: int
    prevented_minor: int
    taken_back_minor: int
    net_prevented_minor: int
    lost_minor: int


class DeliveryReport(BaseModel):
    """The result of a delivery that a gateway accepted; ``digits`` is the key pressed in a call."""

    model_config = ConfigDict(extra="forbid")

    result: GatewayResult
    digits: Literal["1", "2"] | None = None


@router.get("/reports/prevented-loss", responses=responses(401, 403, 422, 429, 503))
def prevented_loss(
    services: Service,
    who: Annotated[Principal, Depends(require("report.read"))],
    by: Annotated[list[Dimension] | None, Query(max_length=4)] = None,
    from_day: Day = None,
    to_day: Day = None,
) -> list[ReportLine]:
    """Prevented loss per day, district, typology and model version; agrees with the counters."""
    dimensions: list[Dimension] = list(dict.fromkeys(by or ["day"]))
    rows = report(services.db, who.scope, dimensions, from_day=from_day, to_day=to_day)
    return [
        ReportLine(
            values=list(row.values),
            currency=row.currency,
            estimated_minor=row.estimated_minor,
            released_minor=row.released_minor,
            prevented_minor=row.prevented_minor,
            taken_back_minor=row.taken_back_minor,
            net_prevented_minor=row.net_prevented_minor,
            lost_minor=row.lost_minor,
        )
        for row in rows
    ]


@router.post(
    "/deliveries/{delivery_id}/result",
    responses=responses(401, 404, 409, 422, 429, 503),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": DeliveryReport.model_json_schema()}},
        }
    },
)
async def delivery_result(
    request: Request, services: Service, delivery_id: TokenPath
) -> dict[str, str]:
    """Take a gateway's report about one of its own deliveries, signed with its secret."""
    body = await request.body()
    signed = Signed("report", delivery_id, request.headers.get(KEY, ""), body)
    channels = [
        channel
        for channel, secret in services.gateway_secrets.items()
        if is_signed(secret, request.headers, signed, services.clock())
    ]
    if "voice" in channels:  # the same gateway
        channels.append("three_way")
    if not channels:
        raise NotAuthenticatedError(
            "The report is not signed.", hint="Sign it with the gateway's secret."
        )
    try:
        report = DeliveryReport.model_validate_json(body)
    except ValidationError:
        raise InvalidRequestError("The report is not valid.", code="invalid_request") from None
    state = await run_in_threadpool(
        services.gateway_reports.take, delivery_id, report.result, channels=channels
    )
    if report.digits is not None and "voice" in channels:
        await run_in_threadpool(services.page_answers.by_key, delivery_id, report.digits)
    return {"delivery_id": delivery_id, "state": state}
