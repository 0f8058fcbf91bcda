"""One-time links and keys in calls: signed, single, ended in time, and for the page's person alone."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.access import Principal
from alerting.bootstrap.service_layer import build_services
from alerting.db import Database
from alerting.notify.links.page_links import LIFE_SECONDS, PageLinkCode
from alerting.notify.notices.silence_watch import SOON_MS, due_notices
from alerting.service_errors import StepRefusedError
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.platform.settings import AlertingSettings
from tests.alerting.factory import NOW_MS, Clock, warning
from tests.alerting.notify.dispatch.town import ROUTING, Town, on_call
from tests.alerting.options import options
from tests.doubles.http_gateway import GatewayDouble

CODE = PageLinkCode(Pseudonymiser(b"a key that only tests use"))


@given(delivery_id=st.text(max_size=30), now_s=st.integers(0, 4_000_000_000))
def test_a_token_is_read_back_until_it_ends(delivery_id: str, now_s: int) -> None:
    clean = delivery_id.replace(".", "")
    token = CODE.token(clean, now_s * 1000)
    link = CODE.read(token, now_s * 1000)
    assert link is not None
    assert link.delivery_id == clean
    assert CODE.read(token, (now_s + LIFE_SECONDS) * 1000) is None


@given(token=st.text(max_size=80))
def test_a_guess_is_never_a_link(token: str) -> None:
    assert CODE.read(token, NOW_MS) is None


def test_a_changed_token_or_another_key_is_refused() -> None:
    token = CODE.token("d-1", NOW_MS)
    assert PageLinkCode(Pseudonymiser(b"another key of tests")).read(token, NOW_MS) is None
    assert CODE.read(token.replace("d-1", "d-2"), NOW_MS) is None
    delivery_id, ends, mac = token.split(".")
    assert CODE.read(f"{delivery_id}.{int(ends) + 1}.{mac}", NOW_MS) is None


@pytest.fixture
def gateways() -> Iterator[GatewayDouble]:
    with GatewayDouble() as double:
        yield double


@pytest.fixture
def town(
    db: Database,
    clock: Clock,
    pseudonymiser: Pseudonymiser,
    gateways: GatewayDouble,
    tmp_path_factory: pytest.TempPathFactory,
) -> Town:
    file = tmp_path_factory.mktemp("routing") / "routing.toml"
    file.write_text(ROUTING.format(hook=gateways.url("hook"), chat="json://127.0.0.1:1/"))
    chosen = options(gateways={"sms_url": gateways.url("sms"), "voice_url": gateways.url("voice")})
    settings = AlertingSettings(database_url=db.url, routing_file=file, options=chosen)
    return Town(build_services(settings, db, clock, pseudonymiser), settings, clock)


def token_of(gateways: GatewayDouble) -> str:
    [page] = [item for item in gateways.acted("sms") if "/answer/" in item.body["text"]]
    return str(page.body["text"]).rpartition("/answer/")[2]


def everyone(_subject: str) -> bool:
    return True


@pytest.fixture
def paged(town: Town, gateways: GatewayDouble, boss: Principal) -> str:
    on_call(town, boss)
    town.services.ingestor.ingest([warning()], "test")
    town.run()
    return token_of(gateways)


def test_the_page_of_a_person_carries_a_link_that_acknowledges_once(town: Town, paged: str) -> None:
    found = town.services.page_answers.open_page(paged, everyone)
    assert found.responder == "li"
    assert town.case().holder is None  # to look changes nothing
    assert town.services.page_answers.acknowledge(paged, everyone).holder == "li"
    with pytest.raises(StepRefusedError) as raised:
        town.services.page_answers.acknowledge(paged, everyone)
    assert raised.value.code == "link_used"


def test_a_link_of_a_taken_case_of_a_person_who_left_or_of_an_hour_ago_is_refused(
    town: Town, paged: str, wang: Principal
) -> None:
    with pytest.raises(StepRefusedError) as raised:
        town.services.page_answers.open_page(paged, lambda _subject: False)
    assert raised.value.code == "link_expired"
    town.services.case_service.claim(town.case().case_id, wang)
    with pytest.raises(StepRefusedError) as raised:
        town.services.page_answers.acknowledge(paged, everyone)
    assert raised.value.code == "case_is_taken"
    town.clock.advance(seconds=LIFE_SECONDS + 1)
    with pytest.raises(StepRefusedError) as raised:
        town.services.page_answers.open_page(paged, everyone)
    assert raised.value.code == "link_expired"


def test_a_team_gets_no_link(town: Town, gateways: GatewayDouble) -> None:
    town.services.ingestor.ingest([warning()], "test")
    town.run()
    assert not [item for item in gateways.received("hook") if "/answer/" in str(item.body)]


@pytest.mark.usefixtures("paged")
def test_a_key_in_a_call_takes_the_case_or_passes_it_on(town: Town) -> None:
    [page] = [row for row in town.deliveries(purpose="page") if row.recipient == "li"]
    town.services.page_answers.by_key(page.delivery_id, "2")
    assert "passed_on" in town.events()
    town.run()
    assert "escalated" in town.events()
    town.services.page_answers.by_key(page.delivery_id, "1")
    assert town.case().holder == "li"
    town.services.page_answers.by_key(page.delivery_id, "2")  # too late: changes nothing
    town.services.page_answers.by_key("d-unknown", "1")
    assert town.events().count("passed_on") == 1


def test_a_victim_who_presses_one_asks_for_an_officer(town: Town) -> None:
    town.services.ingestor.ingest([warning()], "test")
    town.run()
    [call] = town.deliveries(channel="voice")
    town.services.page_answers.by_key(call.delivery_id, "1")
    assert "asked_for_officer" in town.events()


@pytest.mark.parametrize(
    ("starts", "ends", "expected"),
    [
        (-1, 120, ["silence_begun"]),
        (-120, 10, ["silence_ends_soon"]),
        (-50, 10, ["silence_begun", "silence_ends_soon"]),
        (-5, 10, ["silence_begun"]),
        (-120, -1, ["silence_ended"]),
        (-120, 60, []),
        (1, 60, []),
    ],
)
def test_a_silence_gives_notice_when_it_begins_soon_ends_and_has_ended(
    starts: int, ends: int, expected: list[str]
) -> None:
    minute = 60_000
    assert 15 * minute == SOON_MS
    found = list(due_notices(NOW_MS + starts * minute, NOW_MS + ends * minute, NOW_MS))
    assert found == expected
