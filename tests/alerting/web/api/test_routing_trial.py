"""The trial of a route over the API says who would be paged now, as the console and the command line do."""

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from alerting.access import Principal
from alerting.bootstrap.service_layer import build_services
from alerting.db import Database
from alerting.notify.dispatch.page_trial import trial_document, try_pages
from alerting.notify.routing.routing_tree import (
    Inhibition,
    PagingRule,
    Receiver,
    Route,
    Routing,
)
from alerting.web.service_container import Services
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.platform.settings import AlertingSettings
from tests.alerting.factory import NOW_MS, Clock, warning
from tests.alerting.options import with_options

LABELS = {
    "tenant": "default",
    "district": "430405",
    "typology": "task_scam",
    "severity": "high",
}
HOUR_MS = 3_600_000


@pytest.fixture
def settings(settings: AlertingSettings) -> AlertingSettings:
    return with_options(settings, gateways={"sms_url": "http://sms.invalid"})


@pytest.fixture
def services(
    settings: AlertingSettings, db: Database, clock: Clock, pseudonymiser: Pseudonymiser
) -> Services:
    return build_services(settings, db, clock, pseudonymiser)


Keys = Callable[..., dict[str, str]]


def asked(client: TestClient, headers: dict[str, str], **labels: str) -> dict[str, object]:
    (found,) = client.post("/v1/routing/trial", json=LABELS | labels, headers=headers).json()
    return {name: found[name] for name in ("reason", "until_ms", "people")}


def test_a_trial_names_those_on_call_and_the_end_of_a_silence(
    client: TestClient, services: Services, boss: Principal, key_for: Keys
) -> None:
    assert asked(client, key_for("supervisor"))["reason"] == "nobody_to_page"
    services.routing_service.add_shift(
        boss, tenant="default", district="4304", team="desk", responder="local:li", channel="sms",
        address="+8613900000001", starts_at_ms=NOW_MS, ends_at_ms=NOW_MS + HOUR_MS,
    )  # fmt: skip
    li = {"name": "local:li", "channel": "sms"}
    assert asked(client, key_for("supervisor")) == {
        "reason": "paged",
        "until_ms": None,
        "people": [li],
    }
    services.routing_service.silence(
        boss, tenant="default", matchers={"typology": "task_scam", "severity": "high"},
        reason="an exercise", expires_at_ms=NOW_MS + HOUR_MS,
    )  # fmt: skip
    silenced = {"reason": "silenced", "until_ms": NOW_MS + HOUR_MS, "people": []}
    assert asked(client, key_for("supervisor")) == silenced
    assert asked(client, key_for("supervisor"), typology="credit_loan")["reason"] == "paged"


def test_a_trial_of_another_tenant_is_refused(client: TestClient, key_for: Keys) -> None:
    elsewhere = key_for("supervisor", tenants=("changsha",))
    answer = client.post("/v1/routing/trial", json=LABELS, headers=elsewhere)
    assert answer.status_code == 404
    own = client.post("/v1/routing/trial", json=LABELS | {"tenant": "changsha"}, headers=elsewhere)
    assert own.status_code == 200


def test_an_open_case_that_inhibits_withholds_the_page_of_everyone(services: Services) -> None:
    page = PagingRule("webhook", "http://desk.invalid")
    rule = Inhibition({"severity": "critical"}, {"severity": "high"}, equal=("district",))
    routing = Routing(
        version=1,
        route=Route(receiver="desk"),
        receivers=(Receiver("desk", "desk", (page,)),),
        inhibit=(rule,),
    )

    def tried() -> tuple[str, list[object]]:
        with services.db.read() as session:
            (found,) = try_pages(
                session, routing, LABELS, available=services.notices.available, now_ms=NOW_MS
            )
        document = trial_document(found)
        return document["reason"], document["people"]

    assert tried() == ("paged", [{"name": "team", "channel": "webhook"}])
    services.ingestor.ingest([warning(severity="critical")], "test")
    assert tried() == ("inhibited", [])
