"""Who is held or cut off gets notice and may object; another person decides in time."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import get_args

import pytest

from alerting.access import Principal
from alerting.db.order_tables import Appeal, Order
from alerting.orders.appeal_decision import (
    AGAIN_MS,
    HOUR_MS,
    MAX_ALERTS,
    AppealFacts,
    AppealWay,
    decide_appeal_clock,
)
from alerting.orders.appeal_service import Objection
from alerting.orders.notice_texts import DEFAULTS, NoticeText, choose_text
from alerting.orders.order_rows import OrderRequest
from alerting.service_errors import NotFoundError, StepRefusedError
from forewarn.platform.settings.alerting_options import NoticeTable
from tests.alerting.conftest import SECOND, responder
from tests.alerting.factory import VICTIM, warning
from tests.alerting.notify.dispatch.town import Town
from tests.alerting.orders.test_order_life import MULE, details, opened, order, pass_time
from tests.doubles.http_gateway import GatewayDouble

WAITS = AppealFacts("open", filed_at_ms=0, due_at_ms=24 * HOUR_MS, alerts=0, alerted_at_ms=None)
CLERK = Principal("local:clerk", "Clerk", SECOND.roles, SECOND.scope, "session")
SAID = Objection("赵某", "I sent this to my own daughter.", "phone", "+8613900007777")


@pytest.mark.parametrize(
    ("appeal", "hours", "alert", "reason", "again_hours"),
    [
        (WAITS, 1, False, "appeal_waits", 18),
        (WAITS, 18, True, "appeal_due_soon", 24),
        (replace(WAITS, alerts=1, alerted_at_ms=18 * HOUR_MS), 19, False, "appeal_due_soon", 24),
        (replace(WAITS, alerts=1, alerted_at_ms=18 * HOUR_MS), 24, True, "appeal_overdue", 30),
        (replace(WAITS, alerts=2, alerted_at_ms=24 * HOUR_MS), 25, False, "appeal_overdue", 30),
        (replace(WAITS, alerts=2, alerted_at_ms=24 * HOUR_MS), 30, True, "appeal_overdue", 36),
        (replace(WAITS, alerts=MAX_ALERTS), 999, False, "appeal_overdue", None),
        (replace(WAITS, state="upheld"), 30, False, "appeal_is_decided", None),
    ],
)
def test_an_objection_is_alerted_to_before_and_after_its_deadline(
    appeal: AppealFacts, hours: int, alert: bool, reason: str, again_hours: int | None
) -> None:
    verdict = decide_appeal_clock(appeal, hours * HOUR_MS)
    assert (verdict.alert, verdict.reason) == (alert, reason)
    assert verdict.again_ms == (None if again_hours is None else again_hours * HOUR_MS)
    assert AGAIN_MS == 6 * HOUR_MS


def test_a_centre_has_texts_of_its_own_by_tenant_typology_and_kind() -> None:
    texts = [
        NoticeText("stopped", "en", "all"),
        NoticeText("stopped", "en", "task", typology="task_scam"),
        NoticeText("stopped", "en", "changsha", tenant="changsha"),
        NoticeText("stopped", "zh", "zh"),
    ]
    asked = {"tenant": "default", "typology": "unknown", "kind": "stop_account"}
    assert choose_text(texts, "stopped", "en", **asked) == "all"
    assert choose_text(texts, "stopped", "en", **asked | {"typology": "task_scam"}) == "task"
    of_changsha = asked | {"typology": "task_scam", "tenant": "changsha"}
    assert choose_text(texts, "stopped", "en", **of_changsha) == "changsha"
    assert choose_text([], "stopped", "en", **asked) == DEFAULTS["stopped", "stop_account"]["en"]
    assert choose_text([], "released", "zh", **asked) == DEFAULTS["released", ""]["zh"]


@pytest.mark.parametrize(
    "text", ["{typology.__class__}", "until {until!r}", "{number}", "{", "{0}"]
)
def test_a_text_with_fields_that_do_not_exist_is_refused_when_the_options_are_read(
    text: str,
) -> None:
    with pytest.raises(ValueError, match="text"):
        NoticeTable(occasion="stopped", language="en", text=f"a notice of ours {text}")


def test_the_person_is_sent_why_and_how_to_object(town: Town, gateways: GatewayDouble) -> None:
    gateways.behaviour.confirm = True
    opened(town)
    town.run()
    [notice] = town.deliveries(purpose="order_notice")
    assert notice.address == VICTIM
    [sent] = [item for item in gateways.acted("sms") if order(town).order_id in item.body["text"]]
    assert "police impersonation" in sent.body["text"]
    assert "96110" in sent.body["text"]
    assert "2025-06-17 23:06" in sent.body["text"]  # the end, local time
    assert order(town).notified_at_ms is not None
    assert [detail["via"] for detail in details(town, "order_notified")] == ["sms"]


def test_the_bank_passes_the_notice_on_to_the_holder_of_a_stopped_account(
    town: Town, gateways: GatewayDouble, boss: Principal
) -> None:
    gateways.behaviour.confirm = True
    case_id = opened(town, severity="medium")
    town.services.orders.order(case_id, boss, OrderRequest("stop_account", "x", payee_account=MULE))
    town.run()
    [asked] = gateways.acted("bank")
    assert order(town).order_id in asked.body["notice"]
    assert details(town, "order_notified")[0]["via"] == "bank"
    assert town.deliveries(purpose="order_notice") == []


def test_an_upheld_objection_releases_the_order(
    town: Town, gateways: GatewayDouble, boss: Principal
) -> None:
    gateways.behaviour.confirm = True
    case_id = opened(town, severity="medium")
    placed = town.services.orders.order(
        case_id, boss, OrderRequest("stop_account", "x", payee_account=MULE)
    )
    town.run()
    appeal = town.services.appeals.file(placed.order_id, CLERK, SAID)
    with pytest.raises(StepRefusedError) as refused:
        town.services.appeals.uphold(appeal.appeal_id, boss)
    assert refused.value.code == "needs_another_person"
    assert town.services.appeals.uphold(appeal.appeal_id, SECOND).state == "upheld"
    town.run()
    found = order(town)
    assert (found.state, found.release_reason, found.hit_honest) == ("released", "appeal", True)
    with pytest.raises(StepRefusedError) as again:
        town.services.appeals.refuse(appeal.appeal_id, SECOND, reason="late")
    assert again.value.code == "appeal_is_decided"


@pytest.mark.parametrize("part", ["ordered", "extended", "took_it_down", "objects"])
def test_a_person_with_a_part_in_an_objection_neither_decides_it_nor_releases_the_order(
    town: Town, boss: Principal, part: str
) -> None:
    case_id = opened(town, severity="medium")
    by = {name: boss if part == name else CLERK for name in ("ordered", "extended", "took_it_down")}
    request = OrderRequest("stop_account", "x", payee_account=MULE)
    order_id = town.services.orders.order(case_id, by["ordered"], request).order_id
    town.services.orders.extend(order_id, by["extended"], reason="the bank still looks")
    objector = f"{boss.name.upper()} " if part == "objects" else "赵某"
    for way in get_args(AppealWay):
        objection = Objection(objector, "It is mine.", way)
        appeal_id = town.services.appeals.file(order_id, by["took_it_down"], objection).appeal_id
        acts: list[Callable[[], object]] = [
            partial(town.services.appeals.uphold, appeal_id, boss),
            partial(town.services.appeals.refuse, appeal_id, boss, reason="no"),
            partial(town.services.orders.release, order_id, boss, reason="cleared"),
            partial(town.services.orders.release, order_id, boss, reason="by_hand"),
        ]
        codes = []
        for act in acts:
            with pytest.raises(StepRefusedError) as refused:
                act()
            codes.append(refused.value.code)
        assert codes == ["needs_another_person"] * 2 + ["objection_needs_another_person"] * 2
        assert order(town).state == "ordered"
        assert town.services.appeals.refuse(appeal_id, SECOND, reason="no").state == "refused"


def test_a_refused_objection_needs_a_reason_that_the_person_is_sent(
    town: Town, gateways: GatewayDouble, boss: Principal
) -> None:
    gateways.behaviour.confirm = True
    case_id = opened(town)
    town.run()
    placed = order(town)
    town.services.orders.extend(placed.order_id, boss, reason="the bank still looks")
    appeal = town.services.appeals.file(placed.order_id, boss, SAID)
    with pytest.raises(StepRefusedError) as own:
        town.services.appeals.refuse(appeal.appeal_id, boss, reason="no")  # who extended it
    assert own.value.code == "needs_another_person"
    with pytest.raises(StepRefusedError) as silent:
        town.services.appeals.refuse(appeal.appeal_id, SECOND, reason=" ")
    assert silent.value.code == "refusal_needs_a_reason"
    town.services.appeals.refuse(appeal.appeal_id, SECOND, reason="three victims paid into it")
    town.run()
    sent = [item.body for item in gateways.acted("sms") if item.body["to"] == SAID.phone]
    assert len(sent) == 1
    assert "three victims paid into it" in sent[0]["text"]
    assert order(town).state == "in_force"
    assert town.services.appeals.file(placed.order_id, boss, SAID).state == "open"
    assert town.services.case_queries.get(boss.scope, case_id).case_id == case_id


def test_an_open_objection_is_alerted_to_blocks_a_freeze_and_ends_with_its_order(
    town: Town, gateways: GatewayDouble, boss: Principal
) -> None:
    gateways.behaviour.confirm = True
    opened(town)
    town.run()
    placed = order(town)
    appeal = town.services.appeals.file(placed.order_id, boss, SAID)
    with pytest.raises(StepRefusedError) as twice:
        town.services.appeals.file(placed.order_id, boss, SAID)
    assert twice.value.code == "objection_is_open"
    with pytest.raises(StepRefusedError) as frozen:
        town.services.orders.hand_over(placed.order_id, boss, reference="No. 17")
    assert frozen.value.code == "objection_is_open"
    pass_time(town, 25)
    reasons = [row.reason for row in town.deliveries(purpose="order_alarm")]
    assert {"appeal_due_soon", "appeal_overdue"} <= set(reasons)
    with pytest.raises(StepRefusedError) as own:  # who took it down would decide it
        town.services.orders.release(placed.order_id, boss, reason="cleared")
    assert own.value.code == "objection_needs_another_person"
    town.services.orders.release(placed.order_id, SECOND, reason="cleared")
    with town.services.db.read() as session:
        assert session.get_one(Appeal, appeal.appeal_id).state == "settled"
        assert session.get_one(Order, placed.order_id).state == "release_ordered"
    with pytest.raises(StepRefusedError) as over:
        town.services.appeals.file(placed.order_id, boss, SAID)
    assert over.value.code == "nothing_to_object_to"


def test_objections_are_within_the_scope_of_the_person(town: Town, boss: Principal) -> None:
    town.services.ingestor.ingest([warning(severity="medium")], "test")
    placed = town.services.orders.order(
        town.case().case_id, boss, OrderRequest("stop_account", "x", payee_account=MULE)
    )
    far = Principal("local:x", "X", boss.roles, responder("x", "1101*").scope, "session")
    with pytest.raises(NotFoundError):
        town.services.appeals.file(placed.order_id, far, SAID)
    appeal = town.services.appeals.file(placed.order_id, boss, SAID)
    with pytest.raises(NotFoundError):
        town.services.appeals.uphold(appeal.appeal_id, far)
