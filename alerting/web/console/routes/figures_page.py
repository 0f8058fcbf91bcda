"""CaseFigures by tier, channel, station and typology: a page that prints on A4, and the same as CSV."""

from dataclasses import asdict
from datetime import date, datetime, time, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from alerting.access import Principal
from alerting.cases.figures.case_figures import (
    CaseFigures,
    FigureDimension,
    FigureRow,
    Period,
    TooManyCasesError,
    figures_of,
)
from alerting.service_errors import InvalidRequestError
from alerting.web.auth.route_access import require
from alerting.web.console import formats
from alerting.web.console.error_pages import ConsoleRoute
from alerting.web.console.page_rendering import ConsolePage, signed_in
from alerting.web.safe_csv import csv_text
from forewarn.platform.clock import local_day
from forewarn.platform.money import major

router = APIRouter(route_class=ConsoleRoute)

Signed = Annotated[ConsolePage, Depends(signed_in)]
Reader = Annotated[Principal, Depends(require("report.read"))]
Day = Annotated[str, Query(pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$")]
DAYS = 30
LONGEST_DAYS = 800
COUNTS = (
    "warned", "reached", "visited", "in_time", "dissuaded", "lost", "false_alarms", "released",
    "again",
)  # fmt: skip
AMOUNTS = ("prevented_minor", "lost_minor")


@router.get("/console/figures")
def figures_page(
    page: Signed,
    who: Reader,
    by: FigureDimension = "severity",
    period: Period = "month",
    from_day: Day = "",
    to_day: Day = "",
) -> Response:
    """The figures of a span of days, both included."""
    first, last = _span(page, from_day, to_day)
    rows = _rows(page, who, by, period, first, last)
    totals: dict[str, CaseFigures] = {}
    if by != "channel":  # a case counts under each channel, so these do not add up
        for row in rows:
            totals.setdefault(row.currency, CaseFigures()).add(row.figures)
    return page.render(
        "figures.html",
        rows=rows, totals=totals, by=by, period=period, first=first, last=last,
        counts=COUNTS, amounts=AMOUNTS,
        period_name=lambda name: formats.period(name, page.t),
    )  # fmt: skip


@router.get("/console/figures.csv")
def figures_csv(
    page: Signed,
    who: Reader,
    by: FigureDimension = "severity",
    period: Period = "month",
    from_day: Day = "",
    to_day: Day = "",
) -> Response:
    """The same as CSV; amounts in major units with a decimal point."""
    first, last = _span(page, from_day, to_day)
    head = ["period", by, "currency", *COUNTS, "prevented", "lost_amount"]
    lines: list[list[object]] = [list(head)]
    for row in _rows(page, who, by, period, first, last):
        values = asdict(row.figures)
        amounts = [f"{major(values[name], row.currency):f}" for name in AMOUNTS]
        lines.append(
            [row.period, row.value, row.currency, *(values[name] for name in COUNTS), *amounts]
        )
    return Response(
        csv_text(lines),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="figures-{first}-{last}.csv"'},
    )


def _span(page: ConsolePage, from_day: str, to_day: str) -> tuple[date, date]:
    """The days that are asked for; the last thirty if none are."""
    try:
        last = date.fromisoformat(to_day or local_day(page.now_ms, page.services.zone))
        first = date.fromisoformat(from_day) if from_day else last - timedelta(days=DAYS - 1)
    except ValueError:
        raise InvalidRequestError("This is not a day.", code="not_a_period") from None
    if not 0 <= (last - first).days < LONGEST_DAYS:
        raise InvalidRequestError("This is not a span of days.", code="not_a_period")
    return first, last


def _rows(
    page: ConsolePage, who: Principal, by: FigureDimension, period: Period, first: date, last: date
) -> list[FigureRow]:
    zone = page.services.zone
    from_ms = int(datetime.combine(first, time(), zone).timestamp() * 1000)
    to_ms = int(datetime.combine(last + timedelta(days=1), time(), zone).timestamp() * 1000)
    try:
        with page.services.db.snapshot() as session:
            return figures_of(
                session, who.scope, from_ms=from_ms, to_ms=to_ms, by=by, period=period, zone=zone
            )
    except TooManyCasesError:
        raise InvalidRequestError(
            "Too many cases in this span.", code="span_too_long", hint="Choose a shorter one."
        ) from None
