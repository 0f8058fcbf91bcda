"""Prevented loss: confirmed at closure, never twice, taken back by a later loss, to the cent."""

import random
from collections.abc import Callable

import msgspec
import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import event, func, select

from alerting.access import EVERYTHING, Principal
from alerting.cases import history
from alerting.cases.closure_service import Closure
from alerting.cases.late_loss_service import LateLoss
from alerting.cases.ledger.prevented_loss_report import DIMENSIONS, report
from alerting.db.case_tables import Case, Warning_
from alerting.db.journal_tables import OutboxMessage
from alerting.db.ledger_tables import LedgerEntry
from alerting.service_errors import AlertingError, StepRefusedError
from alerting.service_metrics import DatabaseCollector
from alerting.web.service_container import Services
from forewarn.contracts.event_codec import decode_outcome
from tests.alerting.factory import NOW_MS, PAYEE, Clock, warning

Close = Callable[..., Case]


@pytest.fixture
def close(services: Services, boss: Principal) -> Close:
    def act(warning_id: str = "w-1", disposition: str = "dissuaded", **closure: object) -> Case:
        case_id = case_of(services, warning_id)
        services.case_service.claim(case_id, boss)
        services.case_service.contact(case_id, boss, method="phone", reached=True)
        return services.closures.close(case_id, boss, Closure(disposition, **closure))

    return act


def case_of(services: Services, warning_id: str) -> str:
    with services.db.read() as session:
        return session.get(Warning_, warning_id).case_id


def balance(services: Services, account: str) -> int:
    with services.db.read() as session:
        total = func.coalesce(func.sum(LedgerEntry.amount_minor), 0)
        return session.scalar(select(total).where(LedgerEntry.account == account))


def outcomes(services: Services) -> list:
    with services.db.read() as session:
        rows = session.scalars(select(OutboxMessage).order_by(OutboxMessage.message_no))
        return [decode_outcome(row.value) for row in rows if row.topic == "outcomes"]


def test_what_was_estimated_is_confirmed_when_the_person_was_dissuaded(
    services: Services, close: Close
) -> None:
    services.ingestor.ingest([warning()], "test")
    assert balance(services, "estimated") == 4_500_000
    case = close()
    assert balance(services, "estimated") == 0
    assert balance(services, "confirmed") == case.prevented_minor == 5_000_000
    [outcome] = outcomes(services)
    assert (outcome.disposition, outcome.prevented_minor) == ("dissuaded", 5_000_000)
    assert outcome.transfer_id == "transfer-of-w-1"


@pytest.mark.parametrize("disposition", ["false_alarm", "unreachable"])
def test_other_outcomes_prevent_nothing(services: Services, close: Close, disposition: str) -> None:
    services.ingestor.ingest([warning()], "test")
    close(disposition=disposition)
    assert balance(services, "estimated") == balance(services, "confirmed") == 0


def test_a_transfer_in_two_cases_counts_once(services: Services, close: Close) -> None:
    """Two tenants' worth of warnings may name one transfer; the ledger pays out once."""
    services.ingestor.ingest([warning("w-1", subject_id="t-1")], "test")
    other = warning("w-2", subject_id="t-1", subscriber="+8613899999999", caller=None, payee="X9")
    services.ingestor.ingest([other], "test")
    assert balance(services, "estimated") == 4_500_000
    close("w-1")
    close("w-2")
    assert balance(services, "confirmed") == 5_000_000


def test_a_later_loss_takes_back_as_much_and_no_more(
    services: Services, close: Close, boss: Principal
) -> None:
    services.ingestor.ingest([warning()], "test")
    case = close()
    services.late_losses.report_loss(case.case_id, boss, LateLoss(2_000_000, "transfer-of-w-1"))
    assert balance(services, "confirmed") == 3_000_000
    again = LateLoss(2_000_000, "transfer-of-w-1")
    services.late_losses.report_loss(case.case_id, boss, again)
    assert balance(services, "confirmed") == 3_000_000
    services.late_losses.report_loss(case.case_id, boss, LateLoss(90_000_000, "elsewhere"))
    assert balance(services, "confirmed") == 0
    last = outcomes(services)[-1]
    assert (last.disposition, last.prevented_minor) == ("loss_occurred", 0)
    assert len({outcome.event_id for outcome in outcomes(services)}) == len(outcomes(services))


def test_a_transfer_that_goes_through_after_closing_is_taken_back_by_itself(
    services: Services, close: Close
) -> None:
    services.ingestor.ingest([warning()], "test")
    close()
    late = warning(offset=2, action="update", subject_status="completed")
    services.ingestor.ingest([late, late], "test")
    assert balance(services, "confirmed") == 0
    assert balance(services, "lost") == 5_000_000


def test_an_amount_stated_at_closing_and_seen_later_in_the_stream_is_one_loss(
    services: Services, close: Close, boss: Principal
) -> None:
    services.ingestor.ingest([warning()], "test")
    case = close(disposition="loss_occurred", lost_minor=5_000_000)
    services.late_losses.report_loss(case.case_id, boss, LateLoss(5_000_000, "transfer-of-w-1"))
    assert balance(services, "lost") == 5_000_000


def test_a_stated_amount_cannot_exceed_what_was_at_risk(services: Services, close: Close) -> None:
    services.ingestor.ingest([warning()], "test")
    assert close(prevented_minor=99_000_000_000).prevented_minor == 5_000_000


def test_reopening_reverses_the_outcome_and_estimates_again(
    services: Services, close: Close, boss: Principal
) -> None:
    services.ingestor.ingest([warning()], "test")
    case = close()
    services.closures.reopen(case.case_id, boss, reason="the bank called")
    assert balance(services, "confirmed") == 0
    assert balance(services, "estimated") == 4_500_000
    assert close().prevented_minor == 5_000_000
    assert balance(services, "confirmed") == 5_000_000


def test_closing_needs_an_outcome_that_fits(
    services: Services, close: Close, boss: Principal
) -> None:
    services.ingestor.ingest([warning()], "test")
    case_id = case_of(services, "w-1")
    with pytest.raises(StepRefusedError) as refused:
        services.closures.close(case_id, boss, Closure("dissuaded"))
    assert refused.value.code == "close_not_allowed_when_new"
    services.case_service.claim(case_id, boss)
    for closure, code in (
        (Closure("unreachable"), "no_contact_was_tried"),
        (Closure("loss_occurred"), "loss_needs_an_amount"),
        (Closure("dissuaded", lost_minor=1), "amount_lost_without_a_loss"),
        (Closure("duplicate"), "duplicate_needs_the_other_case"),
        (Closure("duplicate", duplicate_of=case_id), "duplicate_of_self"),
    ):
        with pytest.raises(AlertingError) as error:
            services.closures.close(case_id, boss, closure)
        assert error.value.code == code
    assert services.case_queries.get(EVERYTHING, case_id).state == "acknowledged"


def test_a_case_held_by_another_person_refuses_every_step(
    services: Services, li: Principal, wang: Principal, boss: Principal
) -> None:
    services.ingestor.ingest([warning()], "test")
    case_id = case_of(services, "w-1")
    services.case_service.claim(case_id, li)
    for step in (
        lambda: services.case_service.claim(case_id, wang),
        lambda: services.case_service.contact(case_id, wang, method="phone", reached=True),
        lambda: services.closures.close(case_id, wang, Closure("false_alarm")),
    ):
        with pytest.raises(StepRefusedError) as refused:
            step()
        assert refused.value.code == "held_by_another"
    assert services.case_service.assign(case_id, boss, to=wang.subject).holder == wang.subject


def counters(services: Services) -> dict[str, int]:
    """Sums of the exported counters, as Prometheus would see them."""
    registry = CollectorRegistry()
    registry.register(DatabaseCollector(services.db, services.clock, services.zone))
    totals: dict[str, int] = {}
    for family in registry.collect():
        for sample in family.samples:
            if sample.name.endswith("_minor_total"):
                totals[sample.name] = totals.get(sample.name, 0) + int(sample.value)
    return totals


def test_the_figure_of_the_day_equals_the_report_and_restarts_at_midnight(
    services: Services, close: Close, clock: Clock, boss: Principal
) -> None:
    def today() -> dict[tuple[str, ...], int]:
        collector = DatabaseCollector(services.db, clock, services.zone)
        return {
            tuple(sample.labels.values()): int(sample.value)
            for family in collector.collect()
            for sample in family.samples
            if sample.name == "forewarn_alerting_prevented_today_minor"
        }

    services.ingestor.ingest([warning()], "test")
    case = close()
    of = ("430405", "police_impersonation", "CNY")
    [row] = report(services.db, EVERYTHING, ["day"])
    assert today() == {of: row.net_prevented_minor} == {of: 5_000_000}
    clock.advance(seconds=86_400)
    assert today() == {}
    services.late_losses.report_loss(case.case_id, boss, LateLoss(2_000_000, "transfer-of-w-1"))
    assert today() == {of: -2_000_000}, "taken back today"


def test_report_counters_and_cases_agree_to_the_cent_after_any_history(
    services: Services, clock: Clock, boss: Principal
) -> None:
    """A random history with a printed seed: whatever happened, the three views of money agree."""
    seed = 20_250_601
    print(f"seed {seed}")
    dice = random.Random(seed)
    for number in range(25):
        services.ingestor.ingest(
            [
                warning(
                    f"w-{number}-{part}",
                    kind=dice.choice(["call", "transfer", "transfer"]),
                    subscriber=f"+86138{number:08}",
                    district=dice.choice(["430405", "430407", "110105"]),
                    typology=dice.choice(["task_scam", "mule"]),
                    action=dice.choice(["raise", "raise", "withdraw"]),
                    expected_loss_minor=dice.randrange(1, 10_000_019),
                    amount_at_risk_minor=dice.randrange(1, 10_000_019),
                    model_version=dice.choice(["m-1", "m-2"]),
                )
                for part in range(dice.randrange(1, 4))
            ],
            "test",
        )
    with services.db.read() as session:
        ids = list(session.scalars(select(Case.case_id).order_by(Case.case_id)))
    steps = (
        lambda one: services.case_service.claim(one, boss),
        lambda one: services.case_service.contact(one, boss, method="phone", reached=True),
        lambda one: (
            services.case_service.contact(one, boss, method="phone", reached=True),
            services.closures.close(one, boss, Closure("dissuaded")),
        ),
        lambda one: services.closures.close(
            one, boss, Closure("loss_occurred", lost_minor=dice.randrange(1, 9_999_991))
        ),
        lambda one: services.closures.reopen(one, boss, reason="why not"),
        lambda one: services.late_losses.report_loss(
            one, boss, LateLoss(dice.randrange(1, 5_000_011))
        ),
        lambda one: services.late_losses.report_loss(
            one, boss, LateLoss(dice.randrange(1, 5_000_011), f"late-{dice.randrange(4)}")
        ),
    )
    for _ in range(200):
        clock.advance(seconds=dice.randrange(1, 20_000))
        try:
            dice.choice(steps)(dice.choice(ids))
        except StepRefusedError:
            continue
    by_everything = report(services.db, EVERYTHING, DIMENSIONS)
    [whole] = report(services.db, EVERYTHING, [])
    for name, counter in (
        ("prevented_minor", "forewarn_alerting_prevented_loss_minor_total"),
        ("taken_back_minor", "forewarn_alerting_prevented_loss_taken_back_minor_total"),
        ("estimated_minor", "forewarn_alerting_estimated_loss_minor_total"),
        ("released_minor", "forewarn_alerting_estimated_loss_released_minor_total"),
        ("lost_minor", "forewarn_alerting_lost_minor_total"),
    ):
        total = getattr(whole, name)
        assert (
            total == sum(getattr(row, name) for row in by_everything) == counters(services)[counter]
        )
    assert whole.prevented_minor > 0 < whole.taken_back_minor
    with services.db.read() as session:
        cases = session.execute(
            select(func.sum(Case.prevented_minor), func.sum(Case.lost_minor))
        ).one()
        per_line = session.execute(
            select(func.sum(LedgerEntry.amount_minor)).group_by(
                LedgerEntry.account, LedgerEntry.district, LedgerEntry.typology,
                LedgerEntry.model_version,
            )
        ).scalars()  # fmt: skip
        assert min(per_line) >= 0
    assert cases == (whole.net_prevented_minor, balance(services, "lost"))
    assert history.verify(services.db).fault is None


def test_outcome_messages_are_valid_events(services: Services, close: Close) -> None:
    services.ingestor.ingest([warning("w-1", kind="call"), warning("w-2")], "test")
    close("w-1", known_at_ms=NOW_MS - 5)
    found = outcomes(services)
    assert len(found) == 2
    assert sum(outcome.prevented_minor for outcome in found) == 5_000_000
    assert {outcome.label_time_ms for outcome in found} == {NOW_MS - 5}
    assert all(msgspec.json.encode(outcome) for outcome in found)


def test_a_verdict_that_is_taken_back_names_whom_it_was_about(
    services: Services, close: Close, boss: Principal
) -> None:
    """An unreachable person says nothing of a payee, but has to name one that was confirmed before."""
    services.ingestor.ingest([warning("w-1")], "test")
    close(disposition="unreachable")
    assert [outcome.payees for outcome in outcomes(services)] == [()]
    services.closures.reopen(case_of(services, "w-1"), boss, reason="reached after all")
    close(disposition="dissuaded")
    services.closures.reopen(case_of(services, "w-1"), boss, reason="the wrong person")
    close(disposition="unreachable")
    found = outcomes(services)
    assert [outcome.revision for outcome in found] == [1, 2, 3]
    assert [outcome.payees for outcome in found[1:]] == [(PAYEE,), (PAYEE,)]


@pytest.mark.parametrize(("status", "confirmed_minor"), [("attempted", 0), ("blocked", 20_000_000)])
def test_a_withdrawn_warning_prevents_nothing_unless_its_transfer_was_stopped(
    services: Services, close: Close, status: str, confirmed_minor: int
) -> None:
    """A fraud of 50,000 beside an honest deposit of 200,000: only the fraud was prevented."""
    deposit = warning("w-2", payee="6222000000000000001", amount_at_risk_minor=20_000_000)
    services.ingestor.ingest([warning("w-1"), deposit], "test")
    withdrawn = msgspec.structs.replace(
        deposit,
        action="withdraw",
        subject_status=status,
        source=msgspec.structs.replace(deposit.source, offset=2),
    )
    services.ingestor.ingest([withdrawn], "test")
    case = close()
    assert case.prevented_minor == balance(services, "confirmed") == 5_000_000 + confirmed_minor
    sent = {outcome.transfer_id: outcome.payees for outcome in outcomes(services)}
    assert sent.pop("transfer-of-w-1") == (PAYEE,)
    assert sent == ({"transfer-of-w-2": ()} if confirmed_minor else {})


def test_a_stated_amount_cannot_claim_what_was_withdrawn(services: Services, close: Close) -> None:
    deposit = warning("w-2", action="withdraw", amount_at_risk_minor=20_000_000)
    services.ingestor.ingest([warning("w-1"), deposit], "test")
    assert close(prevented_minor=20_000_000).prevented_minor == 5_000_000


def test_a_withdrawn_warning_that_goes_through_later_is_no_loss(
    services: Services, close: Close
) -> None:
    services.ingestor.ingest([warning("w-1"), warning("w-2", action="withdraw")], "test")
    close()
    honest = warning("w-2", offset=2, action="withdraw", subject_status="completed")
    services.ingestor.ingest([honest], "test")
    assert (balance(services, "confirmed"), balance(services, "lost")) == (5_000_000, 0)


def test_a_loss_that_turns_out_to_be_a_transfer_is_reported_once(
    services: Services, close: Close, boss: Principal
) -> None:
    services.ingestor.ingest([warning()], "test")
    case = close(disposition="loss_occurred", lost_minor=5_000_000)
    services.late_losses.report_loss(case.case_id, boss, LateLoss(5_000_000, "transfer-of-w-1"))
    [whole] = report(services.db, EVERYTHING, [])
    assert whole.lost_minor == counters(services)["forewarn_alerting_lost_minor_total"] == 5_000_000


def test_the_counters_need_not_sum_the_whole_ledger_again(
    services: Services, close: Close, clock: Clock
) -> None:
    """What is old enough is summed once; the figures stay those of the whole ledger."""
    collector = DatabaseCollector(services.db, services.clock, services.zone)
    asked: list[str] = []

    def catch(_c: object, _u: object, said: str, *_: object) -> None:
        asked.append(said)

    def total() -> int:
        return sum(
            int(sample.value)
            for family in collector.collect()
            for sample in family.samples
            if sample.name == "forewarn_alerting_prevented_loss_minor_total"
        )

    services.ingestor.ingest([warning()], "test")
    close()
    assert total() == 5_000_000
    clock.advance(seconds=601)
    services.ingestor.ingest([warning("w-2", subscriber="+8613700000000")], "test")
    close("w-2")
    assert total() == total() == 10_000_000
    event.listen(services.db.engine, "before_cursor_execute", catch)
    assert total() == 10_000_000
    event.remove(services.db.engine, "before_cursor_execute", catch)
    ledger = [said for said in asked if "FROM ledger_entries" in said]
    # The newest old entry, the sum of what came after it, and today's, which an index finds.
    assert len(ledger) == 3
    assert not any("FROM warnings" in said or "FROM deliveries" in said for said in asked)
