"""The patrol feed: every order for an open case reaches every terminal, whatever commits first."""

import threading

import pytest

from alerting.access import Principal, Scope
from alerting.cases.closure_service import Closure
from alerting.notify.dispatch import delivery_results, patrol_feed
from alerting.notify.dispatch.patrol_feed import patrol_calls
from alerting.notify.dispatch.retry_decision import Next
from tests.alerting.factory import warning
from tests.alerting.notify.dispatch.town import Town

POSTGRESQL = pytest.mark.parametrize(
    "database_url", [pytest.param("postgresql", marks=pytest.mark.system)], indirect=True
)
"""SQLite has one writer, so nothing there happens at the same time."""

HENGYANG = Scope.of(["*"], ["4304*"])


def order(town: Town, number: int) -> None:
    town.services.ingestor.ingest(
        [warning(f"w-{number}", kind="call", subscriber=f"+8613{number:09}")], "test"
    )
    town.run()


@POSTGRESQL
def test_an_order_that_commits_late_is_not_lost_behind_the_cursor(town: Town) -> None:
    """Two replicas record the sending of two orders; the first one's clock is earlier, and its
    transaction ends after the other's."""
    db = town.services.db
    for number in (1, 2):
        town.services.ingestor.ingest(
            [warning(f"w-{number}", kind="call", subscriber=f"+8613{number:09}")], "test"
        )
    town.timers.run_due()
    town.courier.lease()
    early, late = (row.delivery_id for row in town.deliveries(channel="patrol"))
    recorded, may_commit, second_done = (threading.Event() for _ in range(3))

    def slow() -> None:
        with db.write() as session:
            taken(town, session, early, town.clock() - 5)
            session.flush()
            recorded.set()
            may_commit.wait(20)

    def quick() -> None:
        recorded.wait(20)
        with db.write() as session:
            taken(town, session, late, town.clock())
        second_done.set()

    threads = [threading.Thread(target=work) for work in (slow, quick)]
    for thread in threads:
        thread.start()
    recorded.wait(20)
    seen = []
    # Whether or not the second may commit first, a terminal that looks in between misses nothing.
    second_done.wait(0.3)
    seen += patrol_calls(db, HENGYANG, None)
    may_commit.set()
    for thread in threads:
        thread.join(20)
    last = seen[-1].event_id if seen else None
    seen += patrol_calls(db, HENGYANG, last)
    assert {call.event_id.partition("/")[2] for call in seen} == {early, late}


def taken(town: Town, session: object, delivery_id: str, now_ms: int) -> None:
    delivery_results.attempt(
        town.services.db,
        session,
        delivery_id,
        "one",
        Next("sent", now_ms),
        reference="",
        fault="",
        now_ms=now_ms,
    )


def test_a_terminal_that_connects_gets_the_orders_of_open_cases_only(
    town: Town, boss: Principal
) -> None:
    order(town, 1)
    order(town, 2)
    first = patrol_calls(town.services.db, HENGYANG, None)[0]
    town.services.case_service.claim(first.case_id, boss)
    town.services.closures.close(first.case_id, boss, Closure("false_alarm"))
    [left] = patrol_calls(town.services.db, HENGYANG, None)
    assert left.case_id != first.case_id
    assert patrol_calls(town.services.db, HENGYANG, first.event_id) == [left]


def test_more_orders_than_a_page_come_page_after_page(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patrol_feed, "PAGE", 2)
    for number in range(5):
        order(town, number)
    seen: list[str] = []
    last = None
    while calls := patrol_calls(town.services.db, HENGYANG, last):
        last = calls[-1].event_id
        seen += [call.event_id for call in calls]
    assert len(seen) == len(set(seen)) == 5


@pytest.mark.parametrize("stale", ["1750000000000/d-of-another-database", "999999999999999999/x"])
def test_a_cursor_that_this_database_never_gave_starts_from_the_beginning(
    town: Town, stale: str
) -> None:
    order(town, 1)
    assert len(patrol_calls(town.services.db, HENGYANG, stale)) == 1


def test_the_feed_keeps_tenants_and_districts_apart(town: Town) -> None:
    order(town, 1)
    assert patrol_calls(town.services.db, Scope.of(["other"], ["*"]), None) == []
    assert patrol_calls(town.services.db, Scope.of(["*"], ["1101*"]), None) == []
