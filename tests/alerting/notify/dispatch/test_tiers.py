"""Tiers: a low warning is a text and no case, an extreme one gets all tracks at once."""

import json

import pytest
from sqlalchemy import func, select

from alerting.access import EVERYTHING, Principal
from alerting.cases.closure_service import Closure
from alerting.cases.late_loss_service import LateLoss
from alerting.cases.ledger.prevented_loss_report import report
from alerting.cases.lifecycle import OPEN_STATES
from alerting.db.case_tables import Case, CaseEvent
from alerting.db.journal_tables import OutboxMessage
from tests.alerting.factory import NOW_MS, PAYEE, VICTIM, warning
from tests.alerting.notify.dispatch.town import Town, on_call
from tests.doubles.http_gateway import GatewayDouble

OTHER = "+8613800002222"
LOW_MS = 259_200_000


def low(warning_id: str = "w-1", **changes: object) -> object:
    fields = {"severity": "low", "district": "9901", "expected_loss_minor": 30_000}
    return warning(warning_id, **(fields | changes))


def outcomes(town: Town) -> list[dict]:
    with town.services.db.read() as session:
        rows = session.scalars(select(OutboxMessage).where(OutboxMessage.topic == "outcomes"))
        return [json.loads(row.value) for row in rows]


def test_low_warnings_of_two_people_are_one_request_to_the_text_gateway_and_no_case(
    town: Town, gateways: GatewayDouble, boss: Principal
) -> None:
    """Outside the quiet hours of the town, which are in Shanghai."""
    town.clock.advance(seconds=86_399 - (NOW_MS // 1000 + 8 * 3600) % 86_400)
    on_call(town, boss)
    town.services.ingestor.ingest([low(), low("w-2", subscriber=OTHER)], "test")
    town.run()
    [text] = gateways.received("sms")
    assert sorted(one["to"] for one in text.body["recipients"]) == [VICTIM, OTHER]
    assert "96110" in text.body["text"]
    assert {row.state for row in town.cases()} == {"text_only"}
    assert [row for row in town.deliveries() if row.purpose != "advise"] == []
    with town.services.db.read() as session:
        shown = session.scalar(select(func.count()).where(Case.state.in_(OPEN_STATES)))
    assert shown == 0


def test_a_low_warning_waits_for_the_end_of_quiet_hours_and_keeps_the_budget_of_the_person(
    town: Town, gateways: GatewayDouble
) -> None:
    town.services.ingestor.ingest([low()], "test")
    town.run()
    assert gateways.acted("sms") == []
    [text] = town.deliveries(recipient="victim")
    assert (text.reason, text.state) == ("quiet_hours", "pending")
    for number in range(2, 5):
        one = low(f"w-{number}", caller=f"+861700000{number:04}", payee=f"{PAYEE[:-1]}{number}",
                  typology="task_scam" if number == 2 else "mule" if number == 3 else "credit_loan")  # fmt: skip
        town.services.ingestor.ingest([one], "test")
    town.run()
    assert len(town.cases()) == 4
    assert len(town.deliveries(recipient="victim")) == 3  # a person gets three a day


def test_a_low_warning_is_in_the_ledger_and_gets_an_outcome_that_names_no_one(town: Town) -> None:
    town.services.ingestor.ingest([low()], "test")
    town.run()
    [line] = report(town.services.db, EVERYTHING, ["typology"])
    assert (line.estimated_minor, line.prevented_minor) == (30_000, 0)
    town.clock.advance(seconds=LOW_MS / 1000 - 1)
    town.run()
    assert town.case().state == "text_only"
    town.clock.advance(seconds=1)
    town.run()
    case = town.case()
    assert (case.state, case.disposition) == ("closed", "unreachable")
    assert "text_closed" in town.events()
    [outcome] = outcomes(town)
    assert (outcome["disposition"], outcome.get("callers", [])) == ("unreachable", [])
    [line] = report(town.services.db, EVERYTHING, ["typology"])
    assert (line.estimated_minor, line.released_minor) == (30_000, 30_000)


def test_a_loss_that_is_reported_makes_the_outcome_of_a_low_warning_a_loss(
    town: Town, boss: Principal
) -> None:
    town.services.ingestor.ingest([low()], "test")
    loss = LateLoss(90_000, transfer_id="transfer-of-w-1")
    town.services.late_losses.report_loss(town.case().case_id, boss, loss)
    town.clock.advance(seconds=LOW_MS / 1000)
    town.run()
    assert (town.case().disposition, town.case().lost_minor) == ("loss_occurred", 90_000)
    assert [one["lost_minor"] for one in outcomes(town)] == [90_000]


def test_a_low_warning_that_rises_becomes_a_case_with_the_time_of_its_severity(
    town: Town, gateways: GatewayDouble, boss: Principal
) -> None:
    on_call(town, boss)
    town.services.ingestor.ingest([low(district="430405")], "test")
    town.run()
    town.clock.advance(seconds=600)
    raised_ms = town.clock.now_ms
    town.services.ingestor.ingest(
        [warning(offset=2, action="update", raised_at_ms=raised_ms)], "test"
    )
    town.run()
    case = town.case()
    assert (case.state, case.severity) == ("dispatched", "critical")
    assert (case.opened_at_ms, case.deadline_ms) == (raised_ms, raised_ms + 60_000)
    assert [row.recipient for row in town.deliveries(purpose="page") if row.channel == "sms"] == [
        "li"
    ]
    town.clock.advance(seconds=LOW_MS / 1000)
    town.run()
    assert town.case().state == "dispatched"  # a case closes with a person only


def test_a_withdrawn_low_warning_sends_nothing_and_still_gets_its_outcome(town: Town) -> None:
    town.services.ingestor.ingest([low()], "test")
    town.services.ingestor.ingest([low(offset=2, action="withdraw")], "test")
    town.run()
    assert town.deliveries() == []
    town.clock.advance(seconds=LOW_MS / 1000)
    town.run()
    assert town.case().state == "closed"


def test_a_person_who_calls_back_about_a_text_is_taken_up_by_a_responder(
    town: Town, boss: Principal
) -> None:
    town.services.ingestor.ingest([low()], "test")
    town.services.case_service.claim(town.case().case_id, boss)
    town.clock.advance(seconds=LOW_MS / 1000)
    town.run()
    assert (town.case().state, town.case().holder) == ("acknowledged", boss.subject)


def test_a_low_warning_that_is_raised_again_leaves_the_outcome_of_a_closed_case(
    town: Town, boss: Principal
) -> None:
    town.services.ingestor.ingest([warning()], "test")
    case_id = town.case().case_id
    town.services.ingestor.ingest([warning(offset=2, action="withdraw")], "test")
    town.services.case_service.claim(case_id, boss)
    town.services.closures.close(case_id, boss, Closure("false_alarm"))
    town.services.ingestor.ingest([low(offset=3)], "test")
    assert (town.case().state, town.case().disposition) == ("closed", "false_alarm")


def test_an_extreme_case_gets_bank_operator_relatives_patrol_and_the_trace_at_once(
    town: Town, gateways: GatewayDouble, boss: Principal
) -> None:
    on_call(town, boss)
    town.services.ingestor.ingest([warning()], "test")
    town.services.emergency_contacts.add(
        boss, town.case().case_id, phone="+8613700000000", name="Mother"
    )
    town.services.ingestor.ingest([warning(offset=2, action="update", severity="extreme")], "test")
    town.run()
    reasons = {row.channel: row.reason for row in town.deliveries(purpose="protect")
               if row.recipient != "victim"}  # fmt: skip
    assert reasons == {
        "bank": "transfer_can_still_be_stopped",
        "operator": "all_tracks_at_once",
        "voice": "all_tracks_at_once",
        "patrol": "all_tracks_at_once",
    }
    [trace] = [row for row in town.deliveries(purpose="trace") if row.channel == "sms"]
    assert trace.content["url"].endswith(f"/console/cases/{town.case().case_id}/money")
    before = len(town.deliveries())
    town.clock.advance(seconds=5)
    town.run()
    assert len(town.deliveries()) == before  # once in a round


def closed_as(town: Town, boss: Principal, disposition: str) -> None:
    town.services.ingestor.ingest([warning()], "test")
    case_id = town.case().case_id
    town.services.case_service.claim(case_id, boss)
    town.services.case_service.contact(case_id, boss, method="phone", reached=True)
    town.services.closures.close(case_id, boss, Closure(disposition))


@pytest.mark.parametrize(
    ("days", "disposition", "given", "severity"),
    [
        (29, "dissuaded", "medium", "critical"),
        (29, "dissuaded", "low", "critical"),
        (29, "dissuaded", "extreme", "extreme"),
        (30, "dissuaded", "medium", "medium"),
        (1, "false_alarm", "medium", "medium"),
    ],
)
def test_a_new_warning_within_the_watch_period_after_a_dissuasion_is_critical(
    town: Town, boss: Principal, days: int, disposition: str, given: str, severity: str
) -> None:
    closed_as(town, boss, disposition)
    town.clock.advance(seconds=days * 86_400)
    now_ms = town.clock.now_ms
    other = warning(
        "w-2", offset=2, severity=given, caller="+8617000001234", payee="6222020000007654321",
        event_time_ms=now_ms, raised_at_ms=now_ms, typology="task_scam",
    )  # fmt: skip
    town.services.ingestor.ingest([other], "test")
    [case] = [one for one in town.cases() if one.state != "closed"]
    assert case.severity == severity
    assert case.watched == (severity in ("critical", "extreme"))
    if case.watched:
        assert case.deadline_ms == now_ms + 60_000
        with town.services.db.read() as session:
            last = session.scalars(select(CaseEvent).where(CaseEvent.case_id == case.case_id)).one()
        assert (last.detail["severity"], last.detail["watched"]) == (severity, True)


def test_a_second_warning_of_a_watched_case_leaves_it_critical(town: Town, boss: Principal) -> None:
    closed_as(town, boss, "dissuaded")
    later = warning("w-2", offset=2, severity="medium", caller="+8617000001234")
    town.services.ingestor.ingest([later], "test")
    town.services.ingestor.ingest(
        [warning("w-2", offset=3, action="update", severity="high", caller="+8617000001234")],
        "test",
    )
    [case] = [one for one in town.cases() if one.state != "closed"]
    assert case.severity == "critical"
