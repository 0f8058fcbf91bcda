"""Supervision, districts and the prevented-loss report."""

import csv
import io
from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Response

from alerting.access import Principal
from alerting.cases.follow_up import owed
from alerting.web.auth.route_access import require
from alerting.web.console.bar_chart import bar_chart
from alerting.web.console.error_pages import ConsoleRoute
from alerting.web.console.page_rendering import ConsolePage, signed_in
from alerting.web.console.queries.districts_query import load_districts
from alerting.web.console.queries.figures_query import (
    TREND_DAYS,
    currencies,
    days_until,
    load_report,
)
from alerting.web.console.queries.review_query import load_unmaskings
from alerting.web.console.queries.supervision_query import load_supervision
from forewarn.platform.clock import local_day
from forewarn.platform.csv_cells import safe_row
from forewarn.platform.money import major, minor_digits

router = APIRouter(route_class=ConsoleRoute)

Signed = Annotated[ConsolePage, Depends(signed_in)]
Supervisor = Annotated[Principal, Depends(require("case.assign"))]
Reader = Annotated[Principal, Depends(require("report.read"))]
WIDE = 1100


@router.get("/console/supervision")
def supervision(page: Signed, who: Supervisor) -> Response:
    """Late cases, loads and shifts."""
    return _supervision(page, who, "supervision.html")


@router.get("/console/supervision/rows")
def supervision_rows(page: Signed, who: Supervisor) -> Response:
    """The same, for the page that refreshes itself."""
    return _supervision(page, who, "parts/supervision_rows.html")


@router.get("/console/districts")
def districts(page: Signed, who: Reader) -> Response:
    """Open work and the last days, district by district."""
    today = local_day(page.now_ms, page.services.zone)
    starts = day_starts_ms(days_until(today, TREND_DAYS), page.services.zone)
    with page.services.db.read() as session:
        known = currencies(session, who.scope, page.options.currency)
        found = load_districts(session, who.scope, known, today, starts, page.now_ms)
    return page.render(
        "districts.html",
        found=found,
        chart=bar_chart(found.trend, width=560),
    )


@router.get("/console/report")
def report(page: Signed, who: Reader) -> Response:
    """Prevented loss: today, the trend, and the breakdowns."""
    today = local_day(page.now_ms, page.services.zone)
    own = page.options.currency
    with page.services.db.read() as session:
        reports = [
            load_report(session, who.scope, currency, today)
            for currency in currencies(session, who.scope, own)
        ]
    # The target is in the installation's currency.
    targets = {own: page.options.target_minor}
    charts = {
        found.currency: bar_chart(
            found.trend,
            target=targets.get(found.currency, 0),
            whole=10 ** minor_digits(found.currency),
            width=WIDE,
        )
        for found in reports
    }
    return page.render("report.html", reports=reports, targets=targets, bars=charts)


@router.get("/console/report.csv")
def report_csv(page: Signed, who: Reader) -> Response:
    """The trend as CSV, a row for each day and currency, amounts in major units with a decimal point."""
    today = local_day(page.now_ms, page.services.zone)
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(["day", "confirmed", "currency"])
    with page.services.db.read() as session:
        for currency in currencies(session, who.scope, page.options.currency):
            for day in load_report(session, who.scope, currency, today).trend:
                amount = f"{major(day.amount, currency):f}"  # a number, which may be negative
                rows.writerow([day.day, amount, *safe_row([currency])])
    return Response(
        text.getvalue(),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="prevented-loss-{today}.csv"'},
    )


def day_starts_ms(days: Sequence[str], zone: ZoneInfo) -> list[int]:
    """When each local day begins, UTC milliseconds."""
    midnights = (datetime.combine(date.fromisoformat(day), time(), zone) for day in days)
    return [int(midnight.timestamp()) * 1000 for midnight in midnights]


def _supervision(page: ConsolePage, who: Principal, template: str) -> Response:
    with page.services.db.read() as session:
        found = load_supervision(session, who.scope, page.now_ms)
        seen_in_clear = load_unmaskings(session, who.scope, page.now_ms)
    reviews_due = page.services.reviews.due(who.scope)
    subjects = {load.holder for load in found.loads} | {shift.responder for shift in found.shifts}
    subjects |= {case.holder for case in found.owed if case.holder}
    subjects |= {row.closed_by for row in reviews_due} | {row.person for row in seen_in_clear}
    receivers = page.services.routing.current.receivers
    return page.render(
        template,
        found=found,
        names=page.access.names_of(subjects),
        owed=owed,
        reviews=page.services.reviews.figures(who.scope),
        reviews_due=reviews_due,
        seen_in_clear=seen_in_clear,
        pages_by_shift=any(way.channel == "oncall" for row in receivers for way in row.pages),
    )
