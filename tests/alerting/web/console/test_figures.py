"""What pages read from the database: the order of the queue, and sums that agree with the ledger."""

from collections.abc import Callable
from zoneinfo import ZoneInfo

import pytest

from alerting.access import EVERYTHING, Principal, Scope
from alerting.cases.closure_service import Closure
from alerting.cases.late_loss_service import LateLoss
from alerting.cases.severity import urgency
from alerting.db.case_tables import Case
from alerting.db.contact_tables import Sweep, SweepTarget
from alerting.service_metrics import DatabaseCollector
from alerting.web.console.queries.audit_query import load_audit
from alerting.web.console.queries.case_query import load_case
from alerting.web.console.queries.districts_query import load_districts
from alerting.web.console.queries.figures_query import days_until, load_report
from alerting.web.console.queries.patrol_query import load_visits
from alerting.web.console.queries.queue_query import QueueFilter, load_queue
from alerting.web.console.queries.supervision_query import load_supervision
from alerting.web.console.routes.overview_pages import day_starts_ms
from alerting.web.service_container import Services
from forewarn.contracts.fraud_warning import FraudWarning
from forewarn.platform.clock import local_day
from tests.alerting.conftest import SHANGHAI
from tests.alerting.factory import CALLER, NOW_MS, Clock, warning

RaiseCase = Callable[[FraudWarning], str]


@pytest.fixture
def many(raise_case: RaiseCase, services: Services) -> list[Case]:
    """Twelve cases of different urgency, some overdue, four of them claimed."""
    losses = [100, 5_000_000, 700_000, 2, 90_000_000, 33_000, 5_000_000, 1, 8_000, 60_000, 0, 999]
    ids = [
        raise_case(
            warning(
                f"w-{number}",
                subscriber=f"+86138000{number:05d}",
                severity=("critical", "high", "medium")[number % 3],
                district=("430405", "430406", "110101")[number % 3],
                expected_loss_minor=loss,
                raised_at_ms=NOW_MS - 20_000 * number,
            )
        )
        for number, loss in enumerate(losses)
    ]
    boss = Principal("local:b", "B", frozenset({"supervisor"}), Scope(None, None), "session")
    for case_id in ids[::3]:
        services.case_service.claim(case_id, boss)
    with services.db.read() as session:
        return [session.get_one(Case, case_id) for case_id in ids]


def test_the_queue_is_in_the_order_of_urgency_and_those_who_wait_come_first(
    services: Services, boss: Principal, many: list[Case]
) -> None:
    with services.db.read() as session:
        queue = load_queue(session, boss, QueueFilter(), NOW_MS)
    for rows, waits in ((queue.waiting, True), (queue.working, False)):
        expected = sorted(
            (case for case in many if (case.responded_at_ms is None) == waits),
            key=lambda case: (
                -urgency(case.expected_loss_minor, case.deadline_ms, NOW_MS),
                case.case_id,
            ),
        )
        assert [row.case.case_id for row in rows] == [case.case_id for case in expected]
    late = [case for case in many if case.responded_at_ms is None and case.deadline_ms < NOW_MS]
    assert queue.overdue == len(late) > 0


def test_a_filter_narrows_and_the_digest_distinguishes_changes_from_waiting(
    services: Services, boss: Principal, li: Principal, many: list[Case]
) -> None:
    with services.db.read() as session:
        first = load_queue(session, boss, QueueFilter(district="430405"), NOW_MS)
        again = load_queue(session, boss, QueueFilter(district="430405"), NOW_MS + 1)
        of_li = load_queue(session, li, QueueFilter(), NOW_MS)
        mine = load_queue(session, li, QueueFilter(holding="mine"), NOW_MS)
    assert {row.case.district for row in first.waiting + first.working} == {"430405"}
    assert first.digest == again.digest
    assert {row.case.district for row in of_li.waiting + of_li.working} == {"430405", "430406"}
    assert mine.total == 0
    services.case_service.note(first.working[0].case.case_id, boss, text="changed")
    with services.db.read() as session:
        changed = load_queue(session, boss, QueueFilter(district="430405"), NOW_MS)
    assert changed.digest != first.digest


def test_of_the_rows_that_the_reader_has_only_what_places_them_is_read(
    services: Services, boss: Principal, many: list[Case]
) -> None:
    with services.db.read() as session:
        first = load_queue(session, boss, QueueFilter(), NOW_MS)
    noted = first.working[0].case.case_id
    services.case_service.note(noted, boss, text="changed")
    with services.db.read() as session:
        again = load_queue(session, boss, QueueFilter(), NOW_MS, seen=first.fingerprints)
        whole = load_queue(session, boss, QueueFilter(), NOW_MS)
    assert [row.placed.case_id for row in again.rows if row.whole is not None] == [noted]
    assert len(again.rows) == len(many)
    assert (again.digest, again.fingerprints) == (whole.digest, whole.fingerprints)


def test_the_report_agrees_with_what_cases_prevented_and_lost(
    services: Services, boss: Principal, clock: Clock, many: list[Case]
) -> None:
    dissuaded, lost, corrected = many[1], many[4], many[2]
    for case in (dissuaded, lost, corrected):
        services.case_service.claim(case.case_id, boss)
        services.case_service.contact(case.case_id, boss, method="phone", reached=True)
    services.case_service.contact(dissuaded.case_id, boss, method="phone", reached=True)
    services.closures.close(dissuaded.case_id, boss, Closure("dissuaded"))
    services.closures.close(lost.case_id, boss, Closure("loss_occurred", lost_minor=123_456))
    services.case_service.contact(corrected.case_id, boss, method="phone", reached=True)
    services.closures.close(corrected.case_id, boss, Closure("dissuaded"))
    services.late_losses.report_loss(corrected.case_id, boss, LateLoss(lost_minor=1_000_000))
    with services.db.read() as session:
        closed = [session.get_one(Case, case.case_id) for case in (dissuaded, lost, corrected)]
        report = load_report(session, boss.scope, "CNY", local_day(clock(), SHANGHAI))
        here = load_report(
            session, Scope.of(["*"], ["430406"]), "CNY", local_day(clock(), SHANGHAI)
        )
    prevented = sum(case.prevented_minor for case in closed)
    assert prevented > 0
    assert report.today_minor == report.confirmed_minor == prevented
    assert report.lost_minor == sum(case.lost_minor for case in closed) == 1_123_456
    today = sum(
        sample.value
        for family in DatabaseCollector(services.db, clock, SHANGHAI).collect()
        if family.name == "forewarn_alerting_prevented_today_minor"
        for sample in family.samples
    )
    assert today == report.today_minor  # the dashboard's figure of the day
    for slices in report.by.values():
        assert sum(share.amount_minor for share in slices) == prevented
    own = [case for case in closed if case.district == "430406"]
    assert here.confirmed_minor == sum(case.prevented_minor for case in own)


def test_supervision_counts_who_is_late_and_who_holds_what(
    services: Services, boss: Principal, clock: Clock, many: list[Case]
) -> None:
    with services.db.read() as session:
        desk = load_supervision(session, boss.scope, NOW_MS)
    assert desk.waiting == 8
    assert [load.cases for load in desk.loads] == [4]
    deadlines = [case.deadline_ms for case in desk.late]
    assert deadlines == sorted(deadlines)
    assert desk.overdue == len(deadlines)
    answered = [case for case in many if case.responded_at_ms is not None]
    in_time = [case for case in answered if case.responded_at_ms <= case.deadline_ms]  # type: ignore[operator]
    assert desk.responses.unanswered == desk.overdue
    assert desk.responses.late == len(answered) - len(in_time)
    due = len(answered) + desk.overdue
    assert desk.responses.share_in_time == len(in_time) / due


def test_districts_count_their_own_cases(
    services: Services, boss: Principal, many: list[Case]
) -> None:
    days = days_until(local_day(NOW_MS, SHANGHAI), 30)
    with services.db.read() as session:
        found = load_districts(
            session, boss.scope, ["CNY"], days[-1], day_starts_ms(days, SHANGHAI), NOW_MS
        )
    assert {row.district: (row.open, row.cases) for row in found.rows} == {
        "430405": (4, 4),
        "430406": (4, 4),
        "110101": (4, 4),
    }
    assert sum(day.amount for day in found.trend) == len(many)
    assert found.trend[-1].amount == len(many)


def test_a_case_counts_on_the_local_day_on_which_it_was_opened(
    services: Services, boss: Principal, clock: Clock
) -> None:
    """London: the night of the change to summer time has an hour less."""
    london = ZoneInfo("Europe/London")
    days = days_until("2026-03-30", 3)
    starts = day_starts_ms(days, london)
    for number, at_ms in enumerate([starts[1], starts[2] - 1, starts[2]]):
        clock.now_ms = at_ms
        person = f"+86138000{number:05d}"
        services.ingestor.ingest([warning(f"w-{number}", subscriber=person)], "test")
    with services.db.read() as session:
        found = load_districts(session, boss.scope, ["CNY"], days[-1], starts, starts[2])
    assert [(day.day[-2:], day.amount) for day in found.trend] == [("28", 0), ("29", 2), ("30", 1)]


def test_cases_that_share_a_swindler_are_linked_and_the_story_is_newest_first(
    services: Services, boss: Principal, li: Principal, many: list[Case]
) -> None:
    with services.db.read() as session:
        seen = load_case(session, many[0].case_id, boss, NOW_MS)
        narrower = load_case(session, many[0].case_id, li, NOW_MS)
        assert load_visits(session, boss, NOW_MS) == []
    others = {case.case_id for case in many[1:]}
    assert {case.case_id for case in seen.linked} == others
    assert {case.case_id for case in narrower.linked} == {
        case.case_id for case in many[1:] if case.district.startswith("4304")
    }
    times = [moment.at_ms for moment in seen.story]
    assert times == sorted(times, reverse=True)
    assert {"warning_raised", "claimed"} <= {moment.name for moment in seen.story}


def test_an_auditor_of_a_district_reads_the_records_of_its_cases_only(
    services: Services, many: list[Case]
) -> None:
    here = {case.case_id for case in many if case.district == "430405"}
    with services.db.read() as session:
        own = load_audit(
            session, Scope.of(["*"], ["430405"]), actor="", subject="", before=None
        ).records
        everything = load_audit(session, EVERYTHING, actor="", subject="", before=None).records
        older = load_audit(
            session, EVERYTHING, actor="", subject="", before=everything[0].record_no
        ).records
    assert {record.subject for record in own} == here
    assert len(everything) > len(own)
    assert [record.record_no for record in older] == [r.record_no for r in everything[1:]]


def test_people_whom_a_confirmed_swindler_reached_are_shown_within_the_scope(
    services: Services, boss: Principal, li: Principal, many: list[Case]
) -> None:
    case_id = many[0].case_id
    with services.db.write() as session:
        session.add(
            Sweep(sweep_id="s-1", tenant="default", case_id=case_id, kind="phone", peer=CALLER,
                  state="done", requested_at_ms=NOW_MS)
        )  # fmt: skip
        for number, (district, degree) in enumerate([("110101", 1), ("430405", 2), ("430406", 1)]):
            session.add(
                SweepTarget(sweep_id="s-1", subscriber=f"+861390000000{number}", district=district,
                            degree=degree, via=CALLER, action="warn", reason="spoke_with_the_swindler")
            )  # fmt: skip
    with services.db.read() as session:
        everywhere = load_case(session, case_id, boss, NOW_MS).touched
        hengyang = load_case(session, case_id, li, NOW_MS).touched
    assert [row.district for row in everywhere] == ["110101", "430406", "430405"]
    assert [row.district for row in hengyang] == ["430406", "430405"]
