"""What a desk does every day without the API: shifts, relatives, losses that become known late."""

from collections.abc import Callable

import pytest
from sqlalchemy import select

from alerting.access import EVERYTHING, Principal
from alerting.cases.closure_service import Closure
from alerting.db.case_tables import Case, EmergencyContact
from alerting.db.dispatch_tables import Delivery, Shift
from alerting.db.journal_tables import AuditRecord
from alerting.web.console.queries.patrol_query import load_visits
from alerting.web.service_container import Services
from tests.alerting.factory import NOW_MS, VICTIM, Clock, warning
from tests.alerting.web.console.conftest import ON_SQLITE, Browser, RaiseCase

MakeBrowser = Callable[..., Browser]
HOUR_MS = 3_600_000
SHIFT = {
    "district": "4304",
    "team": "desk",
    "responder": "local:li",
    "channel": "sms",
    "address": "+8613900000001",
    "starts": "2025-06-15T23:00",  # NOW_MS is 23:06:40 of that day in Shanghai
    "ends": "2025-06-16T07:00",
}


@ON_SQLITE
def test_a_shift_is_entered_in_local_time_shown_and_ended(
    make_browser: MakeBrowser, services: Services
) -> None:
    boss = make_browser("boss")
    assert boss.post("/console/routing/shifts", **SHIFT).status_code == 204
    with services.db.read() as session:
        shift = session.scalars(select(Shift)).one()
    assert (shift.starts_at_ms, shift.ends_at_ms) == (
        NOW_MS - 400_000,
        NOW_MS - 400_000 + 8 * HOUR_MS,
    )
    assert "2025-06-16 07:00" in boss.get("/console/routing").text
    assert boss.post(f"/console/routing/shifts/{shift.shift_id}/end").status_code == 204
    assert "2025-06-16 07:00" not in boss.get("/console/routing").text


@ON_SQLITE
@pytest.mark.parametrize(
    ("name", "changes", "status"),
    [
        ("boss", {"district": "1101"}, 404),  # not theirs
        ("boss", {"district": ""}, 422),  # all districts are not theirs either
        ("boss", {"tenant": "changsha"}, 404),
        ("boss", {"ends": "2025-06-15T22:00"}, 422),
        ("boss", {"channel": "pigeon"}, 422),
        ("li", {}, 403),
        ("analyst", {}, 403),
    ],
)
def test_a_shift_needs_the_permission_and_the_scope_that_the_api_asks_for(
    make_browser: MakeBrowser, services: Services, name: str, changes: dict[str, str], status: int
) -> None:
    answer = make_browser(name).post("/console/routing/shifts", **(SHIFT | changes))
    assert answer.status_code == status
    with services.db.read() as session:
        assert session.scalars(select(Shift)).all() == []


@ON_SQLITE
def test_a_shift_of_other_districts_cannot_be_ended(
    make_browser: MakeBrowser, services: Services
) -> None:
    make_browser("boss").post("/console/routing/shifts", **SHIFT)
    with services.db.read() as session:
        shift = session.scalars(select(Shift)).one()
    for name in ("stranger", "elsewhere"):
        path = f"/console/routing/shifts/{shift.shift_id}/end"
        assert make_browser(name).post(path).status_code == 404


@ON_SQLITE
def test_only_the_holder_adds_a_relative(
    make_browser: MakeBrowser, raise_case: RaiseCase, services: Services, li: Principal
) -> None:
    case_id = raise_case(warning())
    services.case_service.claim(case_id, li)
    path, form = f"/console/cases/{case_id}/relatives", {"phone": "+8613900001234", "name": "Ma"}
    wang = make_browser("wang")
    assert "Add a relative" not in wang.get(f"/console/cases/{case_id}").text
    refused = wang.post(path, **form)
    assert (refused.status_code, refused.text.strip()) == (409, "Claim the case first")
    assert make_browser("li").post(path, phone="call me").status_code == 422
    answer = make_browser("li").post(path, **form)
    assert "Ma +86 139****1234" in answer.text
    with services.db.read() as session:
        assert session.get_one(EmergencyContact, ("default", VICTIM, form["phone"])).name == "Ma"


@ON_SQLITE
def test_a_supervisor_reports_a_late_loss_of_a_transfer_once(
    make_browser: MakeBrowser, raise_case: RaiseCase, services: Services, li: Principal
) -> None:
    case_id = raise_case(warning(subject_id="t-1"))
    services.case_service.claim(case_id, li)
    services.case_service.contact(case_id, li, method="phone", reached=True)
    services.case_service.contact(case_id, li, method="phone", reached=True)
    services.closures.close(case_id, li, Closure("dissuaded"))
    boss, path = make_browser("boss"), f"/console/cases/{case_id}/losses"
    assert 'value="t-1"' in boss.get(f"/console/cases/{case_id}").text
    for _ in range(2):
        assert boss.post(path, lost="1.2万", transfer_id="t-1").status_code == 200
    assert make_browser("li").post(path, lost="1").status_code == 403
    assert boss.post(path, lost="nothing").status_code == 422
    assert boss.post(path, lost="0").status_code == 422
    with services.db.read() as session:
        case = session.get_one(Case, case_id)
    assert (case.lost_minor, case.prevented_minor, case.disposition) == (
        1_200_000,
        3_800_000,
        "loss_occurred",
    )


@ON_SQLITE
def test_an_amount_is_typed_and_shown_in_the_minor_units_of_the_cases_currency(
    make_browser: MakeBrowser, raise_case: RaiseCase, services: Services, li: Principal
) -> None:
    case_id = raise_case(warning(subject_id="t-1", currency="KRW"))
    services.case_service.claim(case_id, li)
    services.case_service.contact(case_id, li, method="phone", reached=True)
    services.case_service.contact(case_id, li, method="phone", reached=True)
    services.closures.close(case_id, li, Closure("dissuaded"))
    boss = make_browser("boss")
    assert "₩5,000,000" in boss.get(f"/console/cases/{case_id}").text
    assert boss.post(f"/console/cases/{case_id}/losses", lost="0.5").status_code == 422
    assert boss.post(f"/console/cases/{case_id}/losses", lost="1.2万").status_code == 200
    with services.db.read() as session:
        assert session.get_one(Case, case_id).lost_minor == 12_000


def test_new_visits_are_shown_also_where_old_ones_pile_up(
    services: Services, boss: Principal, raise_case: RaiseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alerting.web.console.queries.patrol_query.LIMIT", 2)
    ids = [
        raise_case(warning(f"w-{number}", subscriber=f"+861380000{number:04d}"))
        for number in range(12)
    ]
    with services.db.write() as session:
        session.add_all(
            Delivery(
                delivery_id=f"d-{number}", case_id=case_id, tenant="default", district="430405",
                subscriber=VICTIM, channel="patrol", purpose="protect", recipient="patrol",
                address="", template="patrol_visit", language="zh", content={}, reason="x",
                state="sent", not_before_ms=NOW_MS, created_at_ms=NOW_MS + number,
                sent_at_ms=NOW_MS + number,
            )
            for number, case_id in enumerate(ids)
        )  # fmt: skip
    with services.db.read() as session:
        visits = load_visits(session, boss, NOW_MS)
    assert [visit.case.case_id for visit in visits] == [ids[11], ids[10]]


def test_the_queue_shows_which_pages_are_silenced_by_whom_and_until_when(
    make_browser: MakeBrowser, services: Services, clock: Clock
) -> None:
    boss = Principal("local:boss", "Boss", frozenset({"supervisor"}), EVERYTHING, "session")
    row = services.routing_service.silence(
        boss, tenant="default", matchers={"severity": "critical"}, reason="an exercise",
        expires_at_ms=clock() + 3_600_000,
    )  # fmt: skip
    li = make_browser("li")
    assert "an exercise" not in li.get("/console/queue").text  # a proposal silences nothing
    path = f"/console/routing/silences/{row.silence_id}/approve"
    assert make_browser("admin").post(path).is_success
    assert "Pages are silenced until" in li.get("/console/queue").text
    assert "an exercise" in li.get("/console/queue").text
    clock.advance(seconds=3_600)
    assert "an exercise" not in make_browser("li").get("/console/queue").text


def test_a_supervisor_says_why_a_number_of_another_persons_case_is_needed(
    make_browser: MakeBrowser, raise_case: RaiseCase, services: Services, li: Principal
) -> None:
    case_id = raise_case(warning())
    services.case_service.claim(case_id, li)
    boss, path = make_browser("boss"), f"/console/cases/{case_id}/unmask"
    assert "Why you need a number" in boss.get(f"/console/cases/{case_id}").text
    refused = boss.post(path, what="subscriber")
    assert refused.status_code == 422
    assert VICTIM not in refused.text
    assert boss.post(path, what="subscriber", why="curiosity").status_code == 422
    assert VICTIM in boss.post(path, what="subscriber", why="holder_absent").text
    with services.db.read() as session:
        shown = select(AuditRecord).where(AuditRecord.action == "personal.unmasked")
        assert "holder_absent" in session.scalars(shown).one().detail


def test_a_wrong_number_of_a_relative_is_corrected_with_history(
    make_browser: MakeBrowser, raise_case: RaiseCase, services: Services, li: Principal
) -> None:
    case_id = raise_case(warning())
    services.case_service.claim(case_id, li)
    services.emergency_contacts.add(li, case_id, phone="+8613900001235", name="Ma")
    key = services.emergency_contacts.key_of("+8613900001235")
    path, form = f"/console/cases/{case_id}/relatives/correction", {"relative": key}
    assert make_browser("wang").post(path, **form, phone="+8613900001234").status_code == 409
    browser = make_browser("li")
    answer = browser.post(path, **form, phone="+8613900001234")
    assert "Ma +86 139****1234" in answer.text
    assert "Number of a relative corrected" in answer.text
    assert browser.post(path, **form, phone="+8613900001237").status_code == 404  # it is gone
    with services.db.read() as session:
        corrected = select(AuditRecord).where(AuditRecord.action == "relative_corrected")
        detail = session.scalars(corrected).one().detail
        assert session.get(EmergencyContact, ("default", VICTIM, "+8613900001235")) is None
    assert key in detail
    assert "139" not in detail
