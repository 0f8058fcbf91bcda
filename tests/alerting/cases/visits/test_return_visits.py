"""Return visits: planned at closure, noticed once when due, noted once, and cancelled when reopened."""

import pytest
from sqlalchemy import select

from alerting.access import Principal
from alerting.bootstrap.background_tasks import notice_watch
from alerting.bootstrap.service_layer import build_services
from alerting.cases.closure_service import Closure
from alerting.cases.visits.return_visits import DAY_MS, HOUR_MS
from alerting.cases.visits.visit_watch import VisitWatch
from alerting.db import Database
from alerting.db.dispatch_tables import Delivery
from alerting.service_errors import NotFoundError, StepRefusedError
from alerting.web.service_container import Services
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.platform.settings import AlertingSettings
from tests.alerting.conftest import responder
from tests.alerting.factory import NOW_MS, Clock, warning
from tests.alerting.options import options


@pytest.fixture
def settings(database_url: str) -> AlertingSettings:
    """With an SMS gateway, so that the holder's notice has a channel."""
    chosen = options(gateways={"sms_url": "http://127.0.0.1:1/sms"})
    return AlertingSettings(database_url=database_url, options=chosen)


@pytest.fixture
def services(
    settings: AlertingSettings, db: Database, clock: Clock, pseudonymiser: Pseudonymiser
) -> Services:
    return build_services(settings, db, clock, pseudonymiser)


@pytest.fixture
def case_id(services: Services, li: Principal) -> str:
    """A case that closed as dissuaded."""
    case_id = services.ingestor.ingest([warning()], "test").results[0][1]
    services.case_service.claim(case_id, li)
    services.case_service.contact(case_id, li, method="phone", reached=True)
    services.closures.close(case_id, li, Closure("dissuaded"))
    return case_id


def planned(services: Services, who: Principal) -> list[tuple[int, int]]:
    rows = services.visits.open_visits(who.scope, ahead_ms=9 * DAY_MS)
    return [(row.hours, row.due_ms - NOW_MS) for row in rows]


@pytest.mark.usefixtures("case_id")
def test_a_dissuaded_person_is_visited_after_a_day_and_three_days(
    services: Services, li: Principal
) -> None:
    assert planned(services, li) == [(24, 24 * HOUR_MS), (72, 72 * HOUR_MS)]
    assert planned(services, responder("local:far", "1101*")) == []


def test_the_holder_on_call_gets_one_notice_when_a_visit_is_due(
    services: Services,
    settings: AlertingSettings,
    case_id: str,
    boss: Principal,
    clock: Clock,
) -> None:
    watch = notice_watch(VisitWatch, settings, services)
    assert watch.look(clock()) == 0
    clock.advance(seconds=24 * 3600)
    services.routing_service.add_shift(
        boss, tenant="default", district="4304", team="duty", responder="local:li", channel="sms",
        address="+8613900000001", starts_at_ms=clock() - 1, ends_at_ms=clock() + HOUR_MS,
    )  # fmt: skip
    assert (watch.look(clock()), watch.look(clock())) == (1, 0)
    with services.db.read() as session:
        [row] = session.scalars(select(Delivery).where(Delivery.template == "return_visit_due"))
    assert (row.recipient, row.content["case_id"]) == ("local:li", case_id)


def test_a_visit_is_noted_once_in_the_history_and_within_scope(
    services: Services, case_id: str, wang: Principal
) -> None:
    with pytest.raises(NotFoundError):
        services.visits.note(case_id, 24, responder("local:far", "1101*"), result="well", note="")
    services.visits.note(case_id, 24, wang, result="in_contact_again", note="They called again")
    with pytest.raises(StepRefusedError):
        services.visits.note(case_id, 24, wang, result="well", note="")
    with pytest.raises(NotFoundError):
        services.visits.note(case_id, 25, wang, result="well", note="")
    file = services.case_queries.file(wang.scope, case_id)
    assert file.events[-1].kind == "return_visited"
    assert file.events[-1].detail["result"] == "in_contact_again"


def test_a_case_that_is_opened_again_has_no_visits_until_it_closes_as_dissuaded(
    services: Services, case_id: str, li: Principal, boss: Principal
) -> None:
    services.closures.reopen(case_id, boss, reason="A new call")
    assert planned(services, li) == []
    services.case_service.claim(case_id, li)
    services.closures.close(case_id, li, Closure("false_alarm"))
    assert planned(services, li) == []


@pytest.mark.usefixtures("case_id")
def test_a_person_with_a_later_case_counts_once_as_met_again(
    services: Services, boss: Principal, clock: Clock
) -> None:
    found = services.visits.revictimised(boss.scope, days=90)
    assert (found.dissuaded, found.again) == (1, 0)
    clock.advance(seconds=9 * 86_400)
    later = warning(
        "w-9", typology="task_scam", payee="6222020000009999999", caller="+8617000008888",
        event_time_ms=clock(), raised_at_ms=clock(), appended_at_ms=clock(), offset=9,
    )  # fmt: skip
    services.ingestor.ingest([later], "test")
    found = services.visits.revictimised(boss.scope, days=90)
    assert (found.dissuaded, found.again) == (1, 1)
    far = services.visits.revictimised(responder("local:far", "1101*").scope, days=90)
    assert far.dissuaded == 0
