"""Cases of different currencies are ranked on one scale; their amounts and sums stay in their own."""

from collections.abc import Callable

import pytest

from alerting.access import Principal
from alerting.access.scope import EVERYTHING
from alerting.bootstrap.service_layer import build_services
from alerting.cases.case_queries import CaseFilter
from alerting.cases.currency_weights import YUAN_RATES, CurrencyWeights
from alerting.db import Database
from alerting.db.case_tables import Case
from alerting.web.console.queries.queue_query import QueueFilter, load_queue
from alerting.web.service_container import Services
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.platform.settings import AlertingOptions, AlertingSettings
from tests.alerting.factory import NOW_MS, Clock, warning
from tests.alerting.options import with_options

Build = Callable[..., Services]


@pytest.fixture
def build(
    settings: AlertingSettings, db: Database, clock: Clock, pseudonymiser: Pseudonymiser
) -> Build:
    def make(**tables: dict[str, object]) -> Services:
        return build_services(with_options(settings, **tables), db, clock, pseudonymiser)

    return make


def test_a_minor_unit_weighs_what_it_is_worth() -> None:
    weights = CurrencyWeights()
    assert weights.weight("default", "CNY") == 1.0
    assert weights.weight("default", "KRW") == pytest.approx(0.52)  # a won has no minor unit
    assert weights.weight("default", "JPY") == pytest.approx(4.8)
    assert weights.weight("default", "KWD") == pytest.approx(2.33)  # a dinar has a thousand
    assert weights.weight("default", "XYZ") == 1.0
    assert CurrencyWeights("USD").weight("default", "CNY") == pytest.approx(1 / 7.2)


def test_a_tenant_has_rates_of_its_own() -> None:
    weights = CurrencyWeights(rates={"*": {"USD": 7.0}, "changsha": {"USD": 8.0}})
    assert weights.weight("default", "USD") == 7.0
    assert weights.weight("changsha", "USD") == 8.0
    assert weights.weight("changsha", "EUR") == YUAN_RATES["EUR"]


@pytest.mark.parametrize("rate", [0, -1, "7", float("inf")])
def test_a_rate_that_is_no_positive_number_is_refused(rate: object) -> None:
    with pytest.raises(ValueError, match="ranking"):
        AlertingOptions.model_validate({"ranking": {"rates": {"*": {"USD": rate}}}})


def warned(services: Services) -> dict[str, str]:
    """Currencies of cases with the same time left: 4,000 yuan, 900,000 won, 5,000 dollars, 900,000 yen."""
    minor = {"CNY": 400_000, "KRW": 900_000, "USD": 500_000, "JPY": 900_000}
    taken = [
        warning(
            f"w-{n}", subscriber=f"+861380000{n:04d}", currency=currency,
            expected_loss_minor=amount, amount_at_risk_minor=amount,
        )
        for n, (currency, amount) in enumerate(minor.items())
    ]  # fmt: skip
    found = services.ingestor.ingest(taken, "test").results
    return {case_id: currency for (_, case_id, _), currency in zip(found, minor, strict=True)}


def test_queue_and_api_rank_by_what_amounts_are_worth(build: Build, boss: Principal) -> None:
    services = build()
    currency_of = warned(services)
    with services.db.read() as session:
        rows = load_queue(session, boss, QueueFilter(), NOW_MS).rows
    ranked = ["JPY", "USD", "KRW", "CNY"]
    assert [currency_of[row.case.case_id] for row in rows] == ranked
    listed = services.case_queries.list(EVERYTHING, CaseFilter(), now_ms=NOW_MS)
    assert [currency_of[case.case_id] for case in listed] == ranked
    assert {row.case.expected_loss_minor for row in rows} == {400_000, 500_000, 900_000}


def test_the_rates_of_the_options_change_the_order_of_new_cases(
    build: Build, boss: Principal
) -> None:
    services = build(ranking={"rates": {"*": {"KRW": 0.001}, "default": {"USD": 90.0}}})
    currency_of = warned(services)
    with services.db.read() as session:
        rows = load_queue(session, boss, QueueFilter(), NOW_MS).rows
    assert [currency_of[row.case.case_id] for row in rows] == ["USD", "JPY", "CNY", "KRW"]


def test_a_case_keeps_its_place_until_its_next_warning(build: Build) -> None:
    (case_id, *_) = [c for c, currency in warned(build()).items() if currency == "USD"]
    changed = build(ranking={"rates": {"*": {"USD": 1.0}}})
    with changed.db.read() as session:
        assert session.get_one(Case, case_id).rank_weight == pytest.approx(7.2)
    again = warning(
        "w-2", subscriber="+8613800000002", currency="USD", offset=9, action="update",
        expected_loss_minor=500_000, amount_at_risk_minor=500_000,
    )  # fmt: skip
    changed.ingestor.ingest([again], "test")
    with changed.db.read() as session:
        assert session.get_one(Case, case_id).rank_weight == 1.0
