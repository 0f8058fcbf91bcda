"""The money of a case is followed through the index, on both databases, and its accounts are stopped in one act."""

import pytest
from sqlalchemy import func, select

from alerting.access import Principal
from alerting.db.journal_tables import AuditRecord
from alerting.db.order_tables import Order
from alerting.linkage.contact_index import ContactIndex
from alerting.linkage.contact_rows import from_transfer
from alerting.service_errors import InvalidRequestError, NotFoundError
from alerting.web.service_container import Services
from forewarn.contracts.transfer import Transfer
from tests.alerting.conftest import responder
from tests.alerting.factory import NOW_MS, PAYEE, VICTIM, warning

MINUTE_MS = 60_000
OWN = "6222020000000000001"
MULE, LAST, SHOP = "6222020000007654321", "6222020000008888888", "6222020000009999999"


def moved(
    number: int, payer: str, payee: str, amount_minor: int, minute: int, *, subscriber: str, incoming: bool = False
) -> Transfer:  # fmt: skip
    return Transfer(
        event_id=f"m-{number}", event_time_ms=NOW_MS + minute * MINUTE_MS, subscriber=subscriber,
        transfer_id=f"t-{number}", status="completed", direction="incoming" if incoming else "outgoing",
        payer_account=payer, payee_account=payee, amount_minor=amount_minor,
    )  # fmt: skip


def flow(services: Services) -> str:
    """50,000 yuan go to the payee, 40,000 on to a mule, and 15,000 from there on; the town's index saw all of it."""
    paid = warning(subject_id="t-1", subject_status="completed", payer=OWN, severity="medium")
    case_id = services.ingestor.ingest([paid], "test").results[0][1]
    index = ContactIndex(
        services.db, services.clock, services.late_losses,
        transfers_topic="transfers", attribution_window_ms=86_400_000, reject=print,
    )  # fmt: skip
    seen = [
        moved(1, OWN, PAYEE, 5_000_000, 0, subscriber=VICTIM),
        moved(2, PAYEE, MULE, 4_000_000, 2, subscriber="+8613511110001"),
        moved(3, PAYEE, MULE, 4_000_000, 2, subscriber="+8613511110002", incoming=True),
        moved(4, MULE, LAST, 1_500_000, 4, subscriber="+8613511110003", incoming=True),
        moved(5, MULE, SHOP, 9_000_000, -5, subscriber="+8613511110002"),
    ]
    with services.db.write() as session:
        index.take(session, [from_transfer(event, number) for number, event in enumerate(seen)])
    services.clock.advance(seconds=600)  # type: ignore[attr-defined]  # the clock of the tests
    return case_id


def test_the_trail_of_a_case_shows_where_the_money_may_be_left(
    services: Services, boss: Principal
) -> None:
    case_id = flow(services)
    found = services.money_stops.trace(case_id, boss)
    assert found.paid_minor == 5_000_000
    assert [(one.account.account, one.account.hop, one.account.left_minor) for one in found.proposals] == [
        (MULE, 1, 2_500_000), (LAST, 2, 1_500_000), (PAYEE, 0, 1_000_000),
    ]  # fmt: skip
    assert all(one.propose for one in found.proposals)
    assert not found.cut
    with services.db.read() as session:
        logged = session.scalar(
            select(func.count()).where(
                AuditRecord.action == "money_traced", AuditRecord.actor == boss.subject
            )
        )
    assert logged == 1


def test_one_act_stops_the_accounts_and_leaves_out_those_that_are_stopped(
    services: Services, boss: Principal
) -> None:
    case_id = flow(services)
    found = services.money_stops.trace(case_id, boss)
    keys = [found.keys[one.account.account] for one in found.chosen]
    placed = services.money_stops.stop(case_id, boss, keys, reason="passed on within minutes")
    assert [(one.payee_account, one.hop, one.amount_minor) for one in placed] == [
        (MULE, 1, 2_500_000), (LAST, 2, 1_500_000), (PAYEE, 0, 1_000_000),
    ]  # fmt: skip
    assert {one.source for one in placed} == {"money_trail"}
    again = services.money_stops.trace(case_id, boss)
    assert {one.reason for one in again.proposals} == {"stopped_already"}
    assert services.money_stops.stop(case_id, boss, keys, reason="again") == []
    with services.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Order)) == 3


def test_an_account_outside_the_trail_cannot_be_stopped_by_it(
    services: Services, boss: Principal
) -> None:
    case_id = flow(services)
    with pytest.raises(InvalidRequestError) as refused:
        services.money_stops.stop(case_id, boss, ["0123456789abcdef"], reason="x")
    assert refused.value.code == "trail_changed"
    with pytest.raises(InvalidRequestError):
        services.money_stops.stop(case_id, boss, [], reason="x")


def test_the_trail_of_another_district_does_not_exist(services: Services) -> None:
    case_id = flow(services)
    far = responder("local:far", "1101*")
    with pytest.raises(NotFoundError):
        services.money_stops.trace(case_id, far)
    with pytest.raises(NotFoundError):
        services.money_stops.stop(case_id, far, ["0123456789abcdef"], reason="x")
