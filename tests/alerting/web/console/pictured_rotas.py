"""A made-up rota for pictures: three people in turn, a take-over that waits, and a gap."""

from datetime import date

from alerting.access import Principal, Scope
from alerting.notify.rota.rota_plan import Member
from alerting.notify.rota.rota_service import RotaFields
from alerting.web.service_container import Services
from tests.alerting.web.console.pictured import DAY_MS, NOON_MS

SCOPE = Scope.of(["default"], ["4304*"])
WANG = Principal("local:wang", "王伟", frozenset({"supervisor"}), SCOPE, "session")
ZHAO = Principal("local:zhao", "赵强", frozenset({"responder"}), SCOPE, "session")
HOUR_MS = 3_600_000


def plan(services: Services) -> None:
    """Two rotas of the desk, of which the night one leaves out the weekend."""
    day = services.rotas.add(WANG, _fields("白班", "08:00", "20:00", range(1, 8)))
    services.rotas.add(WANG, _fields("夜班", "20:00", "08:00", range(1, 6)))
    starts_at_ms = NOON_MS - 4 * HOUR_MS + DAY_MS  # 08:00 of the next day
    services.rota_requests.take_over(
        day.rota_id,
        ZHAO,
        colleague="local:wang",
        period=(starts_at_ms, starts_at_ms + 12 * HOUR_MS),
        reason="孩子开学",
    )


def _fields(name: str, handover: str, ends: str, weekdays: range) -> RotaFields:
    people = ("local:li", "local:zhao", "local:wang")
    return RotaFields(
        tenant="default",
        district="4304",
        team="duty",
        name=name,
        timezone="Asia/Shanghai",
        first_day=date(2025, 6, 16),
        handover=handover,
        ends=ends,
        turn_days=1,
        weekdays=frozenset(weekdays),
        members=tuple(
            Member(who, "sms", f"+861390000000{number}") for number, who in enumerate(people)
        ),
    )
