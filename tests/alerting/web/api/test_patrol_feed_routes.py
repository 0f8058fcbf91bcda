"""The patrol feed: bounded, one look for all, and closed when its key or session is."""

import asyncio

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from alerting.access import EVERYTHING, AccessControl, Caller, RateLimitedError
from alerting.access.grants import Grants
from alerting.db.dispatch_tables import Delivery
from alerting.notify.dispatch.patrol_feed import PatrolCall
from alerting.web.api import patrol_feed_routes
from alerting.web.api.patrol_feed_routes import FeedHub, stream
from alerting.web.service_container import Services
from tests.alerting.factory import NOW_MS, Clock, warning

CONTENT = {"case_id": "c-1", "typology": "unknown", "district": "", "url": "https://x"}


@pytest.fixture
def access(app: FastAPI) -> AccessControl:
    return app.state.access


@pytest.fixture
def terminal(access: AccessControl) -> Caller:
    """The key of a patrol terminal in Hengyang."""
    _, key = access.keys.create(
        name="terminal", grants=Grants.of(["patrol_terminal"], ["*"], ["4304*"]),
        created_by="test", days=1, now_ms=NOW_MS,
    )  # fmt: skip
    return access.identify(token=None, bearer=key, address="10.0.0.1")


def call_patrol(services: Services, number: int, district: str = "430405") -> None:
    person = f"+8613{number:09}"
    applied = services.ingestor.ingest(
        [warning(f"w-{number}", kind="call", subscriber=person, district=district)], "test"
    )
    [(_, case_id, _)] = applied.results
    with services.db.write() as session:
        session.add(
            Delivery(
                delivery_id=f"d-{number}", case_id=case_id, tenant="default", district=district,
                subscriber=person, channel="patrol", purpose="protect", recipient="patrol",
                address="", template="patrol_visit", language="en", content=CONTENT, reason="x",
                state="sent", not_before_ms=NOW_MS, created_at_ms=NOW_MS, feed_no=number,
                sent_at_ms=NOW_MS + number,
            )
        )  # fmt: skip


async def test_streams_that_ask_for_the_same_calls_share_one_query() -> None:
    hub, reads = FeedHub(lambda: None), []

    def read() -> list[PatrolCall]:
        reads.append(1)
        return []

    asked = [hub.calls_after(EVERYTHING, "1/d-1", read) for _ in range(500)]
    first, *others = [asyncio.ensure_future(one) for one in asked]
    await asyncio.sleep(0)
    first.cancel()  # a terminal that leaves takes no answer from the others
    assert await asyncio.gather(*others) == [[]] * 499
    assert len(reads) == 1
    await hub.calls_after(EVERYTHING, "2/d-2", read)
    hub.calls += 1
    await hub.calls_after(EVERYTHING, "1/d-1", read)
    assert len(reads) == 3, "another cursor, and a new call"


def test_all_streams_share_one_look_at_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patrol_feed_routes, "POLL_SECONDS", 3600.0)
    looks = []

    def look() -> str:
        looks.append(1)
        return "1/d-1"

    async def run() -> None:
        hub = FeedHub(look)
        with hub.place("a"), hub.place("a"), hub.place("b"):
            await asyncio.gather(*(hub.wait(0, 30) for _ in range(3)))
            assert hub.calls == 1

    asyncio.run(run())
    assert looks == [1]


def test_the_number_of_streams_is_bounded() -> None:
    async def run() -> None:
        hub = FeedHub(lambda: None, most=3, most_of_one=2)
        with hub.place("a"), hub.place("a"):
            with pytest.raises(RateLimitedError):
                hub.check("a")
            with hub.place("b"), pytest.raises(RateLimitedError):
                hub.check("c")
            hub.check("c")
        hub.check("a")

    asyncio.run(run())


def test_one_stream_too_many_is_answered_before_it_begins(app: FastAPI, client: TestClient) -> None:
    app.state.patrol_feed = FeedHub(lambda: None, most_of_one=0)
    answer = client.get("/v1/patrol/feed")
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0


def test_a_call_goes_to_the_terminals_of_its_districts(
    services: Services, access: AccessControl, terminal: Caller
) -> None:
    async def run() -> str:
        events = stream(patrol_feed_routes.hub_of(services), services, access, terminal, None)
        assert await anext(events) == ": connected\n\n"
        call_patrol(services, 1, district="110105")
        call_patrol(services, 2)
        found = await anext(events)
        await events.aclose()
        return found

    found = asyncio.run(run())
    assert found.startswith("id: 2/d-2\nevent: patrol\n")


def test_the_feed_of_a_revoked_key_closes(
    services: Services, access: AccessControl, terminal: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patrol_feed_routes, "CHECK_SECONDS", 0.0)

    async def run() -> list[str]:
        events = stream(patrol_feed_routes.hub_of(services), services, access, terminal, None)
        assert await anext(events) == ": connected\n\n"
        assert await anext(events) == ": still here\n\n"
        key_id = terminal.principal.subject.removeprefix("key:")
        access.keys.revoke(key_id, within=EVERYTHING, by="admin", now_ms=NOW_MS)
        return [event async for event in events]

    assert asyncio.run(run()) == [": still here\n\n"]


def test_the_feed_of_an_expired_key_closes(
    access: AccessControl, terminal: Caller, clock: Clock
) -> None:
    assert access.still(terminal) == terminal.principal
    clock.advance(seconds=86_400)
    assert access.still(terminal) is None


def test_a_closed_hub_ends_its_streams_and_takes_no_new_ones(
    services: Services, access: AccessControl, terminal: Caller
) -> None:
    async def run() -> list[str]:
        hub = patrol_feed_routes.hub_of(services)
        events = stream(hub, services, access, terminal, None)
        assert await anext(events) == ": connected\n\n"
        waiting = asyncio.create_task(anext(events, "ended"))
        await asyncio.sleep(0)  # it waits for a call
        hub.close()
        with pytest.raises(RateLimitedError):
            hub.check("another")
        return [await waiting]

    assert asyncio.run(run()) == ["ended"]
