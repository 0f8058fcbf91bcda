"""Sweeps spare people: no repeated texts, nothing honest listed, mistakes taken back."""

from collections.abc import Callable

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import func, select

from alerting.access import EVERYTHING, Principal
from alerting.bootstrap.background_tasks import sweeper
from alerting.cases.closure_service import Closure
from alerting.db.case_tables import Case, Warning_
from alerting.db.contact_tables import ListItem, Sweep, SweepTarget
from alerting.db.dispatch_tables import Delivery
from alerting.linkage import contact_search
from alerting.linkage.contact_index import ContactIndex
from alerting.service_errors import NotFoundError, StepRefusedError
from alerting.web.service_container import Services
from forewarn.contracts.fraud_warning import FraudWarning
from forewarn.platform.settings import AlertingSettings
from tests.alerting.factory import CALLER, NOW_MS, PAYEE, Clock, warning
from tests.alerting.linkage.lists.test_list_service import topic
from tests.alerting.linkage.test_sweeper import calls
from tests.alerting.options import with_options

PEOPLE = [f"+8613600000{number:03}" for number in range(6)]
DAY_SECONDS = 86_400
Close = Callable[..., str]


@pytest.fixture
def index(services: Services) -> ContactIndex:
    return ContactIndex(
        services.db, services.clock, services.late_losses,
        transfers_topic="transfers", attribution_window_ms=1, reject=print,
    )  # fmt: skip


@pytest.fixture
def close(services: Services, boss: Principal) -> Close:
    """Close the case of a warning, opening it again if need be."""

    def act(disposition: str = "dissuaded", *warnings: FraudWarning) -> str:
        taken = warnings or (warning(),)
        services.ingestor.ingest(taken, "test")
        with services.db.read() as session:
            case_id = session.get(Warning_, taken[0].warning_id).case_id
            state = session.get(Case, case_id).state
        if state == "closed":
            services.closures.reopen(case_id, boss, reason="a mistake")
        services.case_service.claim(case_id, boss)
        services.case_service.contact(case_id, boss, method="phone", reached=True)
        services.closures.close(case_id, boss, Closure(disposition))
        return case_id

    return act


@pytest.fixture
def sweep(services: Services, settings: AlertingSettings) -> Callable[..., None]:
    def act(**changes: dict[str, int]) -> None:
        texting = with_options(settings, gateways={"sms_url": "http://gateway/sms"}, **changes)
        while sweeper(texting, services).run_one():
            pass

    return act


def texts(services: Services, state: str = "pending") -> list[str]:
    with services.db.read() as session:
        rows = select(Delivery.subscriber).where(Delivery.sweep_id.is_not(None))
        return sorted(session.scalars(rows.where(Delivery.state == state)))


def listed(services: Services, name: str = "block") -> set[str]:
    with services.db.read() as session:
        rows = select(ListItem.peer).where(ListItem.list == name, ListItem.state == "active")
        return set(session.scalars(rows))


def states(services: Services) -> list[str]:
    with services.db.read() as session:
        return sorted(session.scalars(select(Sweep.state)))


def victim(number: int) -> FraudWarning:
    return warning(f"w-{number}", subscriber=f"+86137{number:08}", payee=f"62220000{number:04}")


def test_a_swindler_of_many_cases_causes_one_text_a_person_within_the_quiet_days(
    services: Services, index: ContactIndex, close: Close, sweep: Callable[..., None], clock: Clock
) -> None:
    index.handle(calls(*[(CALLER, person) for person in PEOPLE]))
    for number in range(4):
        close("dissuaded", victim(number))
        sweep()
    assert texts(services) == PEOPLE
    with services.db.read() as session:
        warned = func.count().filter(SweepTarget.action == "warn")
        rows = session.execute(select(warned, func.count()).where(SweepTarget.degree == 1)).one()
    assert tuple(rows) == (len(PEOPLE), 4 * len(PEOPLE))
    clock.advance(seconds=31 * DAY_SECONDS)
    close("dissuaded", victim(9))
    sweep()
    assert texts(services) == sorted(PEOPLE * 2)


def test_a_person_who_had_the_days_messages_gets_none_from_a_sweep(
    services: Services, index: ContactIndex, close: Close, sweep: Callable[..., None]
) -> None:
    callers = [f"+861700000000{number}" for number in range(3)]
    index.handle(calls(*[(caller, PEOPLE[0]) for caller in callers]))
    for number, caller in enumerate(callers):
        other = warning(
            f"w-{number}", subscriber=f"+86137{number:08}", caller=caller, payee=f"6222{number}"
        )
        close("dissuaded", other)
        sweep(messages={"person_budget_per_day": 2})
    assert texts(services) == [PEOPLE[0]] * 2
    with services.db.read() as session:
        reasons = set(session.scalars(select(SweepTarget.reason)))
    assert reasons == {"spoke_with_the_swindler", "had_enough_messages"}


def test_a_withdrawn_warning_names_no_swindler(
    services: Services, index: ContactIndex, close: Close, sweep: Callable[..., None]
) -> None:
    seller = "6222000000000000001"
    deposit = warning("w-2", payee=seller, caller=None, action="withdraw")
    close("dissuaded", warning(), deposit)
    sweep()
    assert listed(services) == {CALLER, PAYEE}


def test_a_case_that_was_no_fraud_takes_back_what_its_sweeps_did(
    services: Services, index: ContactIndex, close: Close, sweep: Callable[..., None], clock: Clock
) -> None:
    mate = "+8617011111111"
    index.handle(calls(*[(peer, person) for person in PEOPLE for peer in (CALLER, mate)]))
    close()
    sweep()
    assert (listed(services), listed(services, "watch")) == ({CALLER, PAYEE}, {mate})
    close("false_alarm")
    assert listed(services) == listed(services, "watch") == set()
    assert set(topic(services).values()) == {None}
    assert texts(services) == []
    assert texts(services, "cancelled") == PEOPLE
    clock.advance(seconds=60)
    close()  # and it was one all the same
    sweep()
    assert listed(services) == {CALLER, PAYEE}
    assert texts(services) == PEOPLE


def test_what_another_case_confirmed_too_stays_listed(
    services: Services, index: ContactIndex, close: Close, sweep: Callable[..., None]
) -> None:
    first, second = victim(1), victim(2)
    close("dissuaded", first)
    heir = close("dissuaded", second)
    sweep()
    close("false_alarm", first)
    with services.db.read() as session:
        rows = select(ListItem.peer, ListItem.case_id).where(ListItem.state == "active")
        assert dict(session.execute(rows).all()) == {CALLER: heir, second.payee: heir}


def test_a_case_that_is_reopened_before_its_sweep_sweeps_nothing(
    services: Services, close: Close, boss: Principal, sweep: Callable[..., None]
) -> None:
    case_id = close()
    services.closures.reopen(case_id, boss, reason="a mistake")
    sweep()
    assert states(services) == ["cancelled"] * 2
    assert listed(services) == set()


CHIEF = Principal("local:chief", "Chief", frozenset({"supervisor"}), EVERYTHING, "session")


@pytest.mark.parametrize("why", ["on_the_allow_list", "touches_too_many"])
@pytest.mark.parametrize("verdict", ["approve", "reject"])
def test_a_number_that_may_be_honest_waits_for_a_supervisor(
    services: Services, index: ContactIndex, close: Close, sweep: Callable[..., None],
    boss: Principal, li: Principal, why: str, verdict: str,
) -> None:  # fmt: skip
    """A bank's hotline that the swindler only showed."""
    index.handle(calls(*[(CALLER, person) for person in PEOPLE]))
    if why == "on_the_allow_list":
        item = services.lists.propose(
            boss, tenant="default", name="allow", kind="phone", peer=CALLER, reason="hotline",
            expires_at_ms=NOW_MS + 1_000_000,
        )  # fmt: skip
        services.lists.approve(item.entry_id, li)
    most = 20_000 if why == "on_the_allow_list" else len(PEOPLE) - 1
    close()
    sweep(sweeps={"max_contacts": most})
    assert (texts(services), listed(services)) == ([], {PAYEE})
    [held] = services.sweeps.held(boss.scope)
    assert (held.peer, held.held_because) == (CALLER, why)
    getattr(services.sweeps, verdict)(held.sweep_id, CHIEF)
    sweep(sweeps={"max_contacts": most})
    approved = verdict == "approve"
    assert texts(services) == (PEOPLE if approved else [])
    assert listed(services) == ({PAYEE, CALLER} if approved else {PAYEE})
    with pytest.raises(StepRefusedError):
        services.sweeps.approve(held.sweep_id, CHIEF)
    with pytest.raises(NotFoundError):
        services.sweeps.approve("s-none", CHIEF)


def test_the_person_who_closed_a_case_cannot_approve_its_sweep(
    services: Services, index: ContactIndex, close: Close, sweep: Callable[..., None],
    boss: Principal,
) -> None:  # fmt: skip
    index.handle(calls(*[(CALLER, person) for person in PEOPLE]))
    close()
    sweep(sweeps={"max_contacts": len(PEOPLE) - 1})
    [held] = services.sweeps.held(boss.scope)
    with pytest.raises(StepRefusedError) as refused:
        services.sweeps.approve(held.sweep_id, boss)
    assert refused.value.code == "needs_a_second_person"
    assert services.sweeps.reject(held.sweep_id, boss).state == "rejected"


def test_the_number_of_a_bank_is_never_blocked_by_a_sweep(
    services: Services, close: Close, sweep: Callable[..., None], boss: Principal
) -> None:
    """Swindlers show it: a supervisor decides, and those who were called are warned at most."""
    close("dissuaded", warning(caller="95588"))
    sweep()
    [held] = services.sweeps.held(boss.scope)
    assert (held.peer, held.held_because) == ("95588", "service_number")
    services.sweeps.approve(held.sweep_id, CHIEF)
    sweep()
    assert listed(services) == {PAYEE}


def test_public_numbers_do_not_crowd_out_an_accomplice(
    services: Services, index: ContactIndex, close: Close, sweep: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(contact_search, "MAX_NEIGHBOURS", 2)
    hotlines = [f"9511{number}" for number in range(4)]
    public = [f"+8613500000{number:03}" for number in range(40)]
    edges = [(CALLER, person) for person in PEOPLE]
    edges += [(hotline, person) for hotline in hotlines for person in [*PEOPLE, *public]]
    edges += [("+8617011111111", person) for person in PEOPLE[:3]]
    index.handle(calls(*edges))
    close()
    sweep()
    assert listed(services, "watch") == {"+8617011111111"}


def test_the_time_of_a_sweep_counts_from_the_confirmation(
    services: Services, close: Close, sweep: Callable[..., None], clock: Clock
) -> None:
    name = "forewarn_alerting_sweep_seconds_sum"
    before = REGISTRY.get_sample_value(name)
    close()
    clock.advance(seconds=7)
    sweep()
    assert REGISTRY.get_sample_value(name) - before == 2 * 7  # caller and payee
