"""The commander's figures count what happened, in local periods, and their CSV runs no formula."""

from zoneinfo import ZoneInfo

import pytest

from alerting.access import EVERYTHING, Principal, Scope
from alerting.cases.closure_service import Closure
from alerting.cases.figures.case_figures import FigureRow, figures_of, period_of
from alerting.orders.order_rows import OrderRequest
from alerting.web.safe_csv import csv_text, safe_cell
from alerting.web.service_container import Services
from tests.alerting.factory import NOW_MS, PAYEE, Clock, warning

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAY_MS = 86_400_000


def rows_of(
    services: Services, by: str, period: str = "month", scope: Scope = EVERYTHING
) -> list[FigureRow]:
    with services.db.snapshot() as session:
        return figures_of(
            session, scope, from_ms=NOW_MS - DAY_MS, to_ms=NOW_MS + DAY_MS,
            by=by, period=period, zone=SHANGHAI,  # type: ignore[arg-type]  # given by the test
        )  # fmt: skip


def lived(services: Services, boss: Principal, clock: Clock) -> None:
    """Three cases: dissuaded at the door in time, lost too late, and a false alarm that had stopped an account."""
    ids = [
        services.ingestor.ingest([warning(f"w-{n}", subscriber=f"+861380000{n:04}", severity=severity,
                                          caller=f"+8617000{n:06}", payee=f"{PAYEE[:-1]}{n}")], "test").results[0][1]
        for n, severity in enumerate(("critical", "high", "high"))
    ]  # fmt: skip
    services.case_service.claim(ids[0], boss)
    services.case_service.contact(ids[0], boss, method="visit", reached=True)
    services.closures.close(ids[0], boss, Closure("dissuaded"))
    clock.advance(seconds=3600)
    services.case_service.claim(ids[1], boss)
    services.case_service.contact(ids[1], boss, method="phone", reached=True)
    services.case_service.withdraw_contact(ids[1], boss)
    services.closures.close(ids[1], boss, Closure("loss_occurred", lost_minor=700_000))
    services.case_service.claim(ids[2], boss)
    order = services.orders.order(
        ids[2], boss, OrderRequest("stop_account", "x", payee_account="62220000123")
    )
    services.orders.record_result(order.order_id, boss, done=True)
    services.closures.close(ids[2], boss, Closure("false_alarm"))


def test_the_figures_of_a_tier_count_what_became_of_its_cases(
    services: Services, boss: Principal, clock: Clock
) -> None:
    lived(services, boss, clock)
    critical, high = rows_of(services, "severity")
    assert (critical.value, critical.period, critical.currency) == ("critical", "2025-06", "CNY")
    found = critical.figures
    assert (found.warned, found.reached, found.visited, found.in_time, found.dissuaded) == (
        1,
        1,
        1,
        1,
        1,
    )
    assert (found.prevented_minor, found.lost_minor, found.released) == (5_000_000, 0, 0)
    found = high.figures
    assert (found.warned, found.reached, found.visited, found.in_time) == (2, 0, 0, 0)
    assert (found.lost, found.false_alarms, found.released, found.lost_minor) == (1, 1, 1, 700_000)


@pytest.mark.parametrize(
    ("period", "name"), [("day", "2025-06-15"), ("month", "2025-06"), ("quarter", "2025-Q2")]
)
def test_a_period_is_local(
    services: Services, boss: Principal, clock: Clock, period: str, name: str
) -> None:
    assert period_of(NOW_MS, period, SHANGHAI) == name  # type: ignore[arg-type]  # one of the three
    lived(services, boss, clock)
    assert {row.period for row in rows_of(services, "typology", period)} == {name}
    assert [row.value for row in rows_of(services, "typology")] == ["police_impersonation"]


def test_figures_are_within_the_scope(services: Services, boss: Principal, clock: Clock) -> None:
    lived(services, boss, clock)
    assert rows_of(services, "team", scope=Scope.of(["*"], ["1101*"])) == []
    assert sum(row.figures.warned for row in rows_of(services, "team")) == 3


def test_no_cell_of_a_csv_starts_a_formula() -> None:
    for text in ("=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "  =1", "＝1"):
        assert str(safe_cell(text)).startswith("'"), text
    for value in ("plain", "-12.50", "12", "", 7, -7, None):
        assert safe_cell(value) == value
    assert csv_text([["team", "n"], ["=HYPERLINK(1)", -3]]) == "team,n\r\n'=HYPERLINK(1),-3\r\n"
