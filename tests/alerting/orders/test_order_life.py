"""The life of an order over real gateways, on both databases: placed, confirmed, ended, never forgotten."""

import pytest
from sqlalchemy import select

from alerting.access import Principal
from alerting.cases.closure_service import Closure
from alerting.cases.history import verify
from alerting.db.case_tables import CaseEvent
from alerting.db.order_tables import Order
from alerting.orders.order_rows import OrderRequest
from alerting.service_errors import NotFoundError, StepRefusedError
from tests.alerting.conftest import responder
from tests.alerting.factory import CALLER, NOW_MS, PAYEE, VICTIM, warning
from tests.alerting.notify.dispatch.town import Town, on_call
from tests.doubles.http_gateway import GatewayDouble

HOUR = 3600
MULE = "6222020000007654321"


def orders(town: Town) -> list[Order]:
    with town.services.db.read() as session:
        return list(session.scalars(select(Order).order_by(Order.ordered_at_ms, Order.kind)))


def order(town: Town) -> Order:
    (found,) = orders(town)
    return found


def details(town: Town, kind: str) -> list[dict[str, object]]:
    with town.services.db.read() as session:
        rows = session.scalars(select(CaseEvent).where(CaseEvent.kind == kind)).all()
    return [row.detail for row in rows]


def opened(town: Town, **changes: object) -> str:
    town.services.ingestor.ingest([warning(**changes)], "test")
    return town.case().case_id


def pass_time(town: Town, hours: float) -> None:
    """Let time pass in steps of ten minutes, acting on all that becomes due."""
    for _ in range(round(hours * 6)):
        town.clock.advance(seconds=600)
        town.run()


def test_the_hold_of_the_dispatch_is_an_order_with_a_clock(
    town: Town, gateways: GatewayDouble
) -> None:
    gateways.behaviour.confirm = True
    case_id = opened(town)
    town.run()
    found = order(town)
    assert (found.kind, found.state, found.source) == ("hold_transfer", "in_force", "dispatch")
    assert (found.case_id, found.transfer_id) == (case_id, "transfer-of-w-1")
    assert found.amount_minor == 5_000_000
    assert found.expires_at_ms == NOW_MS + 48 * HOUR * 1000
    [asked] = gateways.acted("bank")
    assert asked.body["order_id"] == found.order_id
    assert asked.body["payee_account"] == PAYEE
    assert asked.body["legal_basis"]
    assert asked.body["holds_until_ms"] == found.expires_at_ms


def test_a_person_stops_the_account_of_a_payee_that_has_the_money_already(
    town: Town, gateways: GatewayDouble, boss: Principal
) -> None:
    case_id = opened(town, severity="medium", subject_status="completed")
    request = OrderRequest("stop_account", "paid an hour ago", payee_name="王某", payer_name="李某")
    town.services.orders.order(case_id, boss, request)
    town.run()
    [asked] = gateways.acted("bank")
    assert asked.body["order"] == "stop_account"
    assert asked.body["payee_name"] == "王某"
    assert asked.body["payer_name"] == "李某"
    assert asked.body["payee_account"] == PAYEE
    assert asked.body["amount_minor"] == 5_000_000
    assert asked.body["occurred_at_ms"] == NOW_MS - 2_000
    assert asked.body["ordered_by"] == boss.subject
    assert order(town).state == "ordered"
    [sent] = town.deliveries(channel="bank")
    town.report(sent, "confirmed")
    assert order(town).state == "in_force"
    with pytest.raises(StepRefusedError) as refused:
        town.services.orders.order(case_id, boss, request)
    assert refused.value.code == "already_stopped"


def test_a_false_alarm_releases_what_was_stopped_and_the_gateway_confirms_it(
    town: Town, gateways: GatewayDouble, boss: Principal
) -> None:
    gateways.behaviour.confirm = True
    case_id = opened(town, kind="call")
    town.run()
    assert (order(town).kind, order(town).state, order(town).number) == (
        "suspend_line", "in_force", VICTIM,
    )  # fmt: skip
    assert order(town).caller == CALLER
    gateways.behaviour.confirm = False
    town.services.case_service.claim(case_id, boss)
    town.services.closures.close(case_id, boss, Closure("false_alarm"))
    town.run()
    found = order(town)
    assert (found.state, found.release_reason, found.hit_honest) == (
        "release_ordered", "false_alarm", True,
    )  # fmt: skip
    assert gateways.acted("operator")[-1].body["order"] == "restore_line"
    assert gateways.acted("operator")[-1].body["number"] == VICTIM
    release = town.deliveries(purpose="release")[-1]
    town.report(release, "confirmed")
    assert order(town).state == "released"
    assert order(town).ended_at_ms == town.clock()


def test_a_release_that_is_not_confirmed_is_chased_and_alerted_to(
    town: Town, gateways: GatewayDouble, boss: Principal
) -> None:
    on_call(town, boss)
    case_id = opened(town)
    town.run()
    town.services.orders.release(order(town).order_id, boss, reason="cleared", note="her own son")
    gateways.behaviour.fail_path, gateways.behaviour.fail_next = "bank", 1000
    gateways.behaviour.fail_status = 400
    town.run()
    pass_time(town, 2)
    assert order(town).chases >= 3
    assert order(town).state == "release_ordered"
    assert len(town.deliveries(purpose="release")) >= 4
    alarms = town.deliveries(purpose="order_alarm")
    assert "release_not_confirmed" in {row.reason for row in alarms}
    assert {row.state for row in alarms} <= {"sent", "failed"}
    gateways.behaviour.fail_next, gateways.behaviour.confirm = 0, True
    pass_time(town, 1.5)
    assert order(town).state == "released"
    assert town.services.case_queries.get(boss.scope, case_id).state != "closed"


def test_an_order_warns_before_its_end_and_is_released_at_it(
    town: Town, gateways: GatewayDouble, boss: Principal
) -> None:
    gateways.behaviour.confirm = True
    opened(town)
    town.run()
    town.clock.advance(seconds=46 * HOUR - 1)
    town.run()
    assert details(town, "order_runs_out") == []
    town.clock.advance(seconds=2)
    town.run()
    assert len(details(town, "order_runs_out")) == 1
    assert order(town).state == "in_force"
    town.clock.advance(seconds=2 * HOUR)
    town.run()
    assert (order(town).state, order(town).release_reason) == ("released", "time_ran_out")
    assert len(details(town, "order_ran_out")) == 1
    assert len(details(town, "order_runs_out")) == 1
    reasons = [row.reason for row in town.deliveries(purpose="order_alarm")]
    assert set(reasons) == {"order_runs_out_soon", "order_ran_out"}
    assert verify(town.services.db).fault is None


def test_an_order_is_extended_at_most_twice_and_then_handed_over(
    town: Town, gateways: GatewayDouble, boss: Principal
) -> None:
    gateways.behaviour.confirm = True
    opened(town)
    town.run()
    order_id = order(town).order_id
    for number in (1, 2):
        extended = town.services.orders.extend(order_id, boss, reason="the bank still looks")
        assert extended.expires_at_ms == NOW_MS + (1 + number) * 48 * HOUR * 1000
    with pytest.raises(StepRefusedError) as refused:
        town.services.orders.extend(order_id, boss, reason="once more")
    assert refused.value.code == "extended_twice"
    pass_time(town, 143)
    assert len(details(town, "order_runs_out")) == 1  # for the last end alone
    town.services.orders.hand_over(order_id, boss, reference="冻字2026第17号")
    pass_time(town, 4)
    assert order(town).state == "handed_over"
    assert order(town).freeze_reference == "冻字2026第17号"
    assert town.deliveries(purpose="release") == []


def test_a_tenant_has_a_clock_of_its_own(town: Town, boss: Principal) -> None:
    options = town.services.orders.options
    assert options.holds_ms("default") == 48 * HOUR * 1000
    own = type(options)(hours_by_tenant={"changsha": 24})
    assert own.holds_ms("changsha") == 24 * HOUR * 1000
    assert own.holds_ms("default") == 48 * HOUR * 1000


def test_an_order_that_the_bank_refuses_is_over_and_alerted_to(
    town: Town, gateways: GatewayDouble, boss: Principal
) -> None:
    case_id = opened(town, severity="medium")
    gateways.behaviour.fail_path, gateways.behaviour.fail_next = "bank", 1
    gateways.behaviour.fail_status = 422
    town.services.orders.order(case_id, boss, OrderRequest("stop_account", "x", payee_account=MULE))
    town.run()
    town.run()
    assert order(town).state == "refused"
    assert "order_refused" in {row.reason for row in town.deliveries(purpose="order_alarm")}


def test_an_order_that_may_have_arrived_is_released_in_the_end(
    town: Town, gateways: GatewayDouble, boss: Principal
) -> None:
    """A gateway that never answers may have stopped the money all the same."""
    case_id = opened(town, severity="medium")
    gateways.behaviour.fail_path, gateways.behaviour.fail_next = "bank", 100
    town.services.orders.order(case_id, boss, OrderRequest("stop_account", "x", payee_account=MULE))
    pass_time(town, 1)
    assert town.deliveries(purpose="order")[0].state == "failed"
    assert order(town).state == "ordered"
    assert "order_not_confirmed" in {row.reason for row in town.deliveries(purpose="order_alarm")}
    gateways.behaviour.fail_next, gateways.behaviour.confirm = 0, True
    town.clock.advance(seconds=48 * HOUR)
    town.run()
    assert order(town).state == "released"


def test_an_order_that_did_not_leave_yet_is_cancelled_with_its_case(
    town: Town, gateways: GatewayDouble, boss: Principal
) -> None:
    case_id = opened(town)
    town.timers.run_due()
    town.services.case_service.claim(case_id, boss)
    town.services.closures.close(case_id, boss, Closure("false_alarm"))
    town.run()
    assert order(town).state == "cancelled"
    assert gateways.acted("bank") == []


def test_a_case_that_is_opened_again_does_not_start_the_clock_again(
    town: Town, gateways: GatewayDouble, boss: Principal
) -> None:
    gateways.behaviour.confirm = True
    case_id = opened(town)
    town.run()
    ends_ms = order(town).expires_at_ms
    town.services.case_service.claim(case_id, boss)
    town.services.case_service.contact(case_id, boss, method="phone", reached=True)
    town.services.closures.close(case_id, boss, Closure("dissuaded"))
    town.clock.advance(seconds=HOUR)
    town.services.closures.reopen(case_id, boss, reason="not over")
    town.run()
    assert order(town).expires_at_ms == ends_ms
    assert order(town).state == "in_force"
    assert len(gateways.acted("bank")) == 2


def test_orders_move_with_the_case_that_they_belong_to(
    town: Town, gateways: GatewayDouble, boss: Principal
) -> None:
    gateways.behaviour.confirm = True
    town.services.ingestor.ingest([warning()], "test")
    town.services.ingestor.ingest(
        [warning("w-2", payee="6222020000009999999", caller="+8617111111111", typology="task_scam",
                 event_time_ms=NOW_MS - 90_000_000_000)], "test",
    )  # fmt: skip
    town.run()
    first, second = (case.case_id for case in town.cases())
    assert {row.case_id for row in orders(town)} == {first, second}
    town.services.case_service.claim(first, boss)
    town.services.closures.close(first, boss, Closure("duplicate", duplicate_of=second))
    assert {row.case_id for row in orders(town)} == {second}
    town.clock.advance(seconds=48 * HOUR + 60)
    town.run()
    assert {row.state for row in orders(town)} == {"released"}


def test_without_a_gateway_orders_go_by_telephone_and_a_person_records_the_result(
    town: Town, boss: Principal
) -> None:
    options = town.services.orders.options
    by_phone = type(options)(hours=24)
    service = type(town.services.orders)(town.services.db, town.clock, by_phone)
    case_id = opened(town, severity="medium")
    placed = service.order(case_id, boss, OrderRequest("stop_account", "x", payee_account=MULE))
    assert placed.delivery_id is None
    done = service.record_result(placed.order_id, boss, done=True, reference="Ms Chen, 14:02")
    assert (done.state, done.reference) == ("in_force", "Ms Chen, 14:02")
    service.release(placed.order_id, boss, reason="cleared")
    assert service.record_result(placed.order_id, boss, done=True).state == "released"
    with pytest.raises(StepRefusedError) as refused:
        service.record_result(placed.order_id, boss, done=True)
    assert refused.value.code == "nothing_to_confirm"


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (OrderRequest("suspend_line", "x", number="96110"), "service_number"),
        (OrderRequest("suspend_line", "x", number="+8610086"), "service_number"),
        (OrderRequest("stop_account", "x", payee_account="?!"), "not_an_account"),
    ],
)
def test_what_cannot_be_stopped_is_refused(
    town: Town, boss: Principal, request_: OrderRequest, code: str
) -> None:
    case_id = opened(town, severity="medium")
    with pytest.raises(StepRefusedError) as refused:
        town.services.orders.order(case_id, boss, request_)
    assert refused.value.code == code
    assert orders(town) == []


def test_orders_are_for_the_holder_or_a_supervisor_and_within_their_scope(
    town: Town, boss: Principal, li: Principal, wang: Principal
) -> None:
    case_id = opened(town, severity="medium")
    town.services.case_service.claim(case_id, li)
    asked = OrderRequest("stop_account", "x", payee_account=PAYEE)
    with pytest.raises(StepRefusedError) as refused:
        town.services.orders.order(case_id, wang, asked)
    assert refused.value.code == "order_not_yours"
    with pytest.raises(NotFoundError):
        town.services.orders.order(case_id, responder("local:far", "1101*"), asked)
    placed = town.services.orders.order(case_id, li, asked)
    stranger = Principal("local:x", "X", boss.roles, responder("x", "1101*").scope, "session")
    with pytest.raises(NotFoundError):
        town.services.orders.release(placed.order_id, stranger, reason="cleared")
