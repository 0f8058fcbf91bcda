"""Rotas in the console: planned by a supervisor, swapped by two responders, read by a calendar."""

import re
from collections.abc import Callable
from datetime import date

import pytest
from icalendar import Calendar
from playwright.sync_api import expect

from alerting.access import Principal, Scope
from alerting.notify.rota.rota_plan import Member
from alerting.notify.rota.rota_service import RotaFields
from alerting.web.service_container import Services
from tests.alerting.web.console.conftest import ON_SQLITE, Browser, Open

BOSS = Principal(
    "local:boss", "Boss", frozenset({"supervisor"}), Scope.of(["default"], ["4304*"]), "session"
)


def add_rota(services: Services, **changes: object) -> str:
    fields: dict[str, object] = {
        "tenant": "default",
        "district": "430405",
        "team": "duty",
        "name": "Desk",
        "timezone": "Asia/Shanghai",
        "first_day": date(2025, 6, 15),
        "handover": "08:00",
        "ends": "",
        "turn_days": 1,
        "weekdays": frozenset(range(1, 8)),
        "members": (
            Member("local:li", "sms", "+8613900000001"),
            Member("local:wang", "sms", "+8613900000002"),
        ),
    }
    return services.rotas.add(BOSS, RotaFields(**(fields | changes))).rota_id  # type: ignore[arg-type]  # the fields' own types


def test_a_supervisor_plans_a_rota_and_everyone_of_the_tenant_sees_it(
    make_browser: Callable[..., Browser],
) -> None:
    boss = make_browser("boss")
    form = {
        "name": "Nights",
        "team": "duty",
        "district": "430405",
        "first_day": "2025-06-15",
        "handover": "20:00",
        "ends": "08:00",
        "turn_days": "7",
        "weekdays": ["1", "2", "3", "4", "5", "6", "7"],
        "members": "local:li sms +8613900000001\nlocal:wang email wang@example.org\n",
        "watched": "true",
    }
    assert boss.post("/console/rotas", **form).status_code == 204
    page = make_browser("li").get("/console/rotas").text
    assert "Nights" in page
    assert "No one is on call" in page
    assert "+8613900000001" not in page
    assert "Nights" not in make_browser("elsewhere").get("/console/rotas").text
    assert make_browser("li").post("/console/rotas", **form).status_code == 403
    refused = boss.post("/console/rotas", **(form | {"members": "local:nemo sms +86139"}))
    assert refused.status_code == 422


def test_an_unknown_address_shows_no_calendar_and_many_guesses_are_slowed_down(
    make_browser: Callable[..., Browser],
) -> None:
    guess = make_browser()
    answers = [guess.get(f"/v1/calendars/guess{number}.ics").status_code for number in range(130)]
    assert set(answers) == {404, 429}


def test_the_calendar_of_a_person_who_left_is_closed(
    make_browser: Callable[..., Browser], services: Services
) -> None:
    gone = Principal("local:nemo", "Nemo", frozenset({"responder"}), BOSS.scope, "session")
    token = services.calendars.open(gone, "en")
    assert make_browser().get(f"/v1/calendars/{token}.ics").status_code == 404


@pytest.mark.system
@ON_SQLITE
def test_two_responders_swap_duties_in_the_browser_and_the_calendar_follows(
    open_as: Open, services: Services, make_browser: Callable[..., Browser]
) -> None:
    add_rota(services)
    li = open_as("li", "/console/rotas")
    li.get_by_role("button", name="Create an address").click()
    shown = li.locator("#calendar-address")
    expect(shown).to_contain_text("/v1/calendars/")
    path = re.sub(r"^https?://[^/]+", "", shown.inner_text())

    def duties() -> list[str]:
        answer = make_browser().get(path)
        assert answer.headers["content-type"].startswith("text/calendar")
        events = Calendar.from_ical(answer.content).walk("VEVENT")
        return [event["DTSTART"].dt.isoformat() for event in events]

    assert "2025-06-17T00:00:00+00:00" in duties()
    swap = li.locator("form[action='/console/rotas/swap']")
    swap.locator("select[name=mine]").select_option(index=1)
    swap.locator("select[name=theirs]").select_option(index=0)
    swap.locator("input[name=reason]").fill("School starts")
    swap.get_by_role("button", name="Ask").click()
    expect(li.get_by_text("You asked Wang for a swap")).to_be_visible()
    wang = open_as("wang", "/console/rotas")
    expect(wang.get_by_text("Li asks you for a swap")).to_be_visible()
    wang.get_by_role("button", name="Agree").click()
    expect(wang.locator("#rota-calendar").get_by_text("changed").first).to_be_visible()
    assert "2025-06-17T00:00:00+00:00" not in duties()
    assert "2025-06-16T00:00:00+00:00" in duties()
