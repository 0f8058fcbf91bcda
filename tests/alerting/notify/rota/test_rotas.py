"""Rotas in the database: who is paged, who may change what, and who gets a notice."""

from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from alerting.access import Principal, Scope
from alerting.bootstrap.background_tasks import notice_watch
from alerting.bootstrap.service_layer import build_services
from alerting.db import Database
from alerting.db.dispatch_tables import Delivery
from alerting.db.journal_tables import AuditRecord
from alerting.db.rota_tables import Rota
from alerting.notify.rota.calendar_feeds import DAY_MS
from alerting.notify.rota.gap_watch import GapWatch
from alerting.notify.rota.rota_plan import Member, Stint
from alerting.notify.rota.rota_service import RotaFields
from alerting.notify.rota.rota_store import on_call_as, on_call_of_team
from alerting.service_errors import InvalidRequestError, NotFoundError, StepRefusedError
from alerting.web.service_container import Services
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.platform.settings import AlertingSettings
from tests.alerting.conftest import responder
from tests.alerting.factory import NOW_MS, Clock
from tests.alerting.options import options

HOUR_MS = 3_600_000
LI = Member("local:li", "sms", "+8613900000001")
WANG = Member("local:wang", "sms", "+8613900000002")
ZHAO = Member("local:zhao", "email", "zhao@example.org")
SHANGHAI = ZoneInfo("Asia/Shanghai")
# NOW_MS is 2025-06-15 23:06:40 in Shanghai: the duty of the 15th, from 08:00 on.
EIGHT_MS = NOW_MS - (15 * HOUR_MS + 6 * 60_000 + 40_000)
ROUTING = """
version = 1
[route]
receiver = "desk"
[[receivers]]
name = "desk"
team = "hengyang"
pages = [{ channel = "oncall" }, { channel = "sms", address = "+8613911111111" }]
"""


def fields(**changes: object) -> RotaFields:
    values: dict[str, object] = {
        "tenant": "default",
        "district": "4304",
        "team": "hengyang",
        "name": "Desk",
        "timezone": "Asia/Shanghai",
        "first_day": date(2025, 6, 15),
        "handover": "08:00",
        "ends": "",
        "turn_days": 1,
        "weekdays": frozenset(range(1, 8)),
        "members": (LI, WANG),
    }
    return RotaFields(**(values | changes))  # type: ignore[arg-type]  # the fields' own types


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> AlertingSettings:
    """With an SMS gateway, so that notices have a channel."""
    routing = tmp_path / "routing.toml"
    routing.write_text(ROUTING)
    chosen = options(gateways={"sms_url": "http://127.0.0.1:1/sms"})
    return AlertingSettings(database_url=database_url, options=chosen, routing_file=routing)


@pytest.fixture
def services(
    settings: AlertingSettings, db: Database, clock: Clock, pseudonymiser: Pseudonymiser
) -> Services:
    return build_services(settings, db, clock, pseudonymiser)


@pytest.fixture
def rota(services: Services, boss: Principal) -> Rota:
    return services.rotas.add(boss, fields())


def on_call(services: Services, at_ms: int, district: str = "430405") -> list[str]:
    with services.db.read() as session:
        found = on_call_of_team(session, "default", "hengyang", district, at_ms)
    return [one.responder for one in found]


def notices(services: Services, template: str) -> list[Delivery]:
    with services.db.read() as session:
        rows = session.scalars(select(Delivery).where(Delivery.template == template))
        return sorted(rows, key=lambda row: row.address)


def audited(services: Services) -> list[str]:
    with services.db.read() as session:
        return list(session.scalars(select(AuditRecord.action).order_by(AuditRecord.record_no)))


@pytest.mark.usefixtures("rota")
def test_the_member_whose_turn_it_is_is_on_call_for_the_districts_below(services: Services) -> None:
    assert on_call(services, EIGHT_MS - 1) == []
    assert on_call(services, EIGHT_MS) == ["local:li"]
    assert on_call(services, EIGHT_MS + 24 * HOUR_MS) == ["local:wang"]
    assert on_call(services, EIGHT_MS + 48 * HOUR_MS) == ["local:li"]
    assert on_call(services, EIGHT_MS, "110101") == []
    with services.db.read() as session:
        [found] = on_call_as(session, "default", "local:li", NOW_MS)
    assert found.address == LI.address


@pytest.mark.usefixtures("rota")
def test_the_nearest_of_shifts_and_rotas_is_paged(services: Services, boss: Principal) -> None:
    services.routing_service.add_shift(
        boss, tenant="default", district="430405", team="hengyang", responder="local:zhao",
        channel="sms", address="+86139", starts_at_ms=NOW_MS - 1, ends_at_ms=NOW_MS + HOUR_MS,
    )  # fmt: skip
    assert on_call(services, NOW_MS) == ["local:zhao"]
    assert on_call(services, NOW_MS, "430406") == ["local:li"]


def test_an_override_goes_before_the_plan_and_both_get_a_notice(
    services: Services, boss: Principal, rota: Rota
) -> None:
    stint = Stint(WANG, NOW_MS, NOW_MS + HOUR_MS)
    services.rotas.override(rota.rota_id, boss, stint, "Li is ill")
    assert on_call(services, NOW_MS) == ["local:wang"]
    assert on_call(services, NOW_MS - 1) == on_call(services, NOW_MS + HOUR_MS) == ["local:li"]
    written = notices(services, "rota_changed")
    assert [row.recipient for row in written] == ["local:li", "local:wang"]
    assert "06-15 23:06 - 06-16 00:06 local:wang" in str(written[0].content["times"])
    assert "rota_overridden" in audited(services)


def test_a_take_over_needs_the_consent_of_the_colleague(
    services: Services, rota: Rota, li: Principal, wang: Principal
) -> None:
    period = (NOW_MS + HOUR_MS, NOW_MS + 2 * HOUR_MS)
    asked = services.rota_requests.take_over(
        rota.rota_id, li, colleague="local:wang", period=period, reason="A wedding"
    )
    assert on_call(services, period[0]) == ["local:li"]
    assert [row.recipient for row in notices(services, "rota_asked")] == ["local:wang"]
    with pytest.raises(NotFoundError):  # one cannot consent to what one asked
        services.rota_requests.answer(asked.change_id, li, "agree")
    services.rota_requests.answer(asked.change_id, wang, "agree")
    assert on_call(services, period[0]) == ["local:wang"]
    assert on_call(services, period[1]) == ["local:li"]
    with pytest.raises(StepRefusedError):
        services.rota_requests.answer(asked.change_id, wang, "decline")
    assert audited(services)[-2:] == ["rota_change_asked", "rota_change_agreed"]


def test_a_colleague_may_offer_to_take_a_duty_over(
    services: Services, rota: Rota, li: Principal, wang: Principal
) -> None:
    period = (NOW_MS + HOUR_MS, NOW_MS + 2 * HOUR_MS)
    offer = services.rota_requests.take_over(
        rota.rota_id, wang, colleague="local:li", period=period, reason="You worked last night"
    )
    assert services.rota_requests.open_requests(li)[0].change_id == offer.change_id
    services.rota_requests.answer(offer.change_id, li, "agree")
    assert on_call(services, period[0]) == ["local:wang"]


def test_a_swap_moves_both_duties_or_none(
    services: Services, rota: Rota, li: Principal, wang: Principal
) -> None:
    mine = (EIGHT_MS + 48 * HOUR_MS, EIGHT_MS + 72 * HOUR_MS)
    theirs = (EIGHT_MS + 24 * HOUR_MS, EIGHT_MS + 48 * HOUR_MS)
    asked = services.rota_requests.swap(
        rota.rota_id, li, colleague="local:wang", mine=mine, theirs=theirs, reason="School"
    )
    services.rota_requests.answer(asked.change_id, wang, "decline")
    assert on_call(services, mine[0]) == ["local:li"]
    assert [row.recipient for row in notices(services, "rota_declined")] == ["local:li"]
    asked = services.rota_requests.swap(
        rota.rota_id, li, colleague="local:wang", mine=mine, theirs=theirs, reason="School"
    )
    services.rota_requests.answer(asked.change_id, wang, "agree")
    assert (on_call(services, mine[0]), on_call(services, theirs[0])) == (
        ["local:wang"],
        ["local:li"],
    )


def test_consent_to_a_duty_that_changed_meanwhile_is_refused(
    services: Services, boss: Principal, rota: Rota, li: Principal, wang: Principal
) -> None:
    period = (NOW_MS + HOUR_MS, NOW_MS + 2 * HOUR_MS)
    asked = services.rota_requests.take_over(
        rota.rota_id, li, colleague="local:wang", period=period, reason="A wedding"
    )
    services.rotas.override(rota.rota_id, boss, Stint(ZHAO, *period), "Zhao stands in")
    with pytest.raises(StepRefusedError) as raised:
        services.rota_requests.answer(asked.change_id, wang, "agree")
    assert raised.value.code == "duty_changed_meanwhile"
    assert on_call(services, period[0]) == ["local:zhao"]


def test_a_request_may_be_taken_back_by_who_asked_alone(
    services: Services, rota: Rota, li: Principal, wang: Principal
) -> None:
    period = (NOW_MS + HOUR_MS, NOW_MS + 2 * HOUR_MS)
    asked = services.rota_requests.take_over(
        rota.rota_id, li, colleague="local:wang", period=period, reason="A wedding"
    )
    with pytest.raises(NotFoundError):
        services.rota_requests.withdraw(asked.change_id, wang)
    services.rota_requests.withdraw(asked.change_id, li)
    assert services.rota_requests.open_requests(wang) == []


@pytest.mark.parametrize(
    ("who", "colleague", "hours", "code"),
    [
        ("local:li", "local:zhao", (1, 2), "not_a_member"),
        ("local:zhao", "local:li", (1, 2), "not_a_member"),
        ("local:li", "local:wang", (1, 30), "not_one_duty"),
        ("local:li", "local:wang", (2, 1), "not_one_duty"),
        ("local:li", "local:li", (1, 2), "not_a_member"),
        ("local:li", "local:wang", (-3, -2), "not_a_period"),
    ],
)
def test_a_request_that_no_one_could_grant_is_refused(
    services: Services, rota: Rota, who: str, colleague: str, hours: tuple[int, int], code: str
) -> None:
    period = (NOW_MS + hours[0] * HOUR_MS, NOW_MS + hours[1] * HOUR_MS)
    with pytest.raises(InvalidRequestError) as raised:
        services.rota_requests.take_over(
            rota.rota_id, responder(who, "4304*"), colleague=colleague, period=period, reason="-"
        )
    assert raised.value.code == code


def test_rotas_of_other_tenants_and_districts_cannot_be_touched(
    services: Services, rota: Rota
) -> None:
    foreign = Principal(
        "local:li", "Li", frozenset({"supervisor"}), Scope.of(["other"], ["*"]), "session"
    )
    elsewhere = Principal(
        "local:x", "X", frozenset({"supervisor"}), Scope.of(["default"], ["1101*"]), "session"
    )
    period = (NOW_MS + HOUR_MS, NOW_MS + 2 * HOUR_MS)
    assert services.rotas.rotas(foreign.scope) == []
    with pytest.raises(NotFoundError):
        services.rota_requests.take_over(
            rota.rota_id, foreign, colleague="local:wang", period=period, reason="-"
        )
    for who in (foreign, elsewhere):
        with pytest.raises(NotFoundError):
            services.rotas.end(rota.rota_id, who)
        with pytest.raises(NotFoundError):
            services.rotas.override(rota.rota_id, who, Stint(ZHAO, *period), "-")
        with pytest.raises(NotFoundError):
            services.rotas.add(who, fields())


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"timezone": "Asia/Nowhere"}, "not_a_zone"),
        ({"timezone": "../etc/passwd"}, "not_a_zone"),
        ({"handover": "24:00"}, "not_a_time_of_day"),
        ({"ends": "8"}, "not_a_time_of_day"),
        ({"turn_days": 0}, "not_a_turn"),
        ({"weekdays": frozenset({0})}, "no_weekday"),
        ({"members": ()}, "no_member"),
        ({"members": (Member("local:li", "chat", "x"),)}, "not_a_channel"),
        ({"first_day": date(1, 1, 1)}, "not_a_period"),
    ],
)
def test_a_rota_that_cannot_be_planned_is_refused(
    services: Services, boss: Principal, changes: dict[str, object], code: str
) -> None:
    with pytest.raises(InvalidRequestError) as raised:
        services.rotas.add(boss, fields(**changes))
    assert raised.value.code == code


def test_a_gap_is_shown_and_warned_of_once_and_cover_ends_it(
    services: Services, settings: AlertingSettings, boss: Principal, clock: Clock
) -> None:
    day = services.rotas.add(boss, fields(ends="20:00"))
    watch = notice_watch(GapWatch, settings, services)
    assert len(watch.look(NOW_MS)) > 0
    assert watch.look(NOW_MS) == []
    clock.advance(seconds=60)
    assert watch.look(clock()) == []
    written = notices(services, "rota_gap")
    assert {row.address for row in written} == {"+8613911111111"}
    found = services.rotas.gaps(boss.scope, NOW_MS, NOW_MS + 2 * DAY_MS)
    assert [gap.ends_at_ms - gap.starts_at_ms for gap in found][1:2] == [12 * HOUR_MS]
    services.rotas.add(boss, fields(handover="20:00", ends="08:00", members=(ZHAO,)))
    assert services.rotas.gaps(boss.scope, NOW_MS, NOW_MS + 2 * DAY_MS) == []
    services.rotas.end(day.rota_id, boss)
    assert services.rotas.gaps(boss.scope, NOW_MS + DAY_MS, NOW_MS + 2 * DAY_MS) != []


def test_an_unwatched_rota_warns_of_nothing(
    services: Services, settings: AlertingSettings, boss: Principal
) -> None:
    services.rotas.add(boss, fields(ends="20:00", watched=False))
    assert notice_watch(GapWatch, settings, services).look(NOW_MS) == []


@pytest.mark.usefixtures("rota")
def test_the_secret_address_shows_the_duties_of_its_person_and_ends(
    services: Services, li: Principal, clock: Clock
) -> None:
    token = services.calendars.open(li, "zh")
    text = (services.calendars.read(token) or b"").decode()
    assert "SUMMARY:值班：Desk" in text
    assert "DTSTART:20250615T000000Z" in text
    assert "+86139" not in text
    assert text.count("BEGIN:VEVENT") == 46  # every second day of 90 days and the first
    newer = services.calendars.open(li, "zh")
    assert services.calendars.read(token) is None
    clock.advance(seconds=366 * 86_400)
    assert services.calendars.read(newer) is None
