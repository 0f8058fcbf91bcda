"""The contact index, and the sweeps over it."""

import time

import pytest
from sqlalchemy import func, select

from alerting.access import EVERYTHING, Principal
from alerting.bootstrap.background_tasks import delivery_sender
from alerting.cases.closure_service import Closure
from alerting.db.case_tables import Case
from alerting.db.contact_tables import Activity, Contact, Sweep, SweepTarget
from alerting.db.dispatch_tables import Delivery
from alerting.db.journal_tables import OutboxMessage
from alerting.linkage.contact_index import ContactIndex
from alerting.linkage.sweeper import Sweeper, SweepOptions
from alerting.messaging.topic_reader import TopicRecord
from alerting.web.service_container import Services
from forewarn.contracts.call import CallEnded, CallStarted
from forewarn.contracts.event_codec import encode
from forewarn.contracts.list_entry import decode_list_entry
from forewarn.contracts.transfer import Transfer
from forewarn.platform.pseudonyms import Pseudonymiser, to_hex
from forewarn.platform.settings import AlertingSettings
from tests.alerting.factory import CALLER, NOW_MS, PAYEE, VICTIM, Clock, warning
from tests.alerting.options import with_options
from tests.doubles.http_gateway import GatewayDouble

OPTIONS = SweepOptions(
    can_text=True, language="zh", quiet_days=30, budget_per_day=3, max_contacts=20_000
)


@pytest.fixture
def index(services: Services) -> ContactIndex:
    return ContactIndex(
        services.db,
        services.clock,
        services.late_losses,
        transfers_topic="transfers",
        attribution_window_ms=86_400_000,
        reject=lambda record, error: pytest.fail(f"{record.offset}: {error}"),
    )


def calls(*edges: tuple[str, str], start: int = 0) -> list[TopicRecord]:
    return [
        record(
            CallEnded(
                event_id=f"e-{start + number}", event_time_ms=NOW_MS, subscriber=subscriber,
                district="430405", call_id=f"k-{start + number}", direction="inbound",
                caller=caller, callee=subscriber, started_at_ms=NOW_MS - 60_000,
                duration_ms=60_000, answered=True,
            ),
            start + number,
        )
        for number, (caller, subscriber) in enumerate(edges)
    ]  # fmt: skip


def payment(status: str, offset: int, **changes: object) -> TopicRecord:
    fields = {
        "event_id": f"p-{offset}", "event_time_ms": NOW_MS + 1_000, "subscriber": VICTIM,
        "transfer_id": "t-9", "status": status, "payer_account": "A1", "payee_account": PAYEE,
        "amount_minor": 1_000_000,
    }  # fmt: skip
    return record(Transfer(**(fields | changes)), offset, "transfers")


def record(event: object, offset: int, topic: str = "calls") -> TopicRecord:
    return TopicRecord(topic, 0, offset, NOW_MS, None, encode(event))


def confirm(services: Services, boss: Principal) -> Case:
    services.ingestor.ingest([warning()], "test")
    with services.db.read() as session:
        case_id = session.scalars(select(Case.case_id)).one()
    services.case_service.claim(case_id, boss)
    services.case_service.contact(case_id, boss, method="phone", reached=True)
    services.case_service.contact(case_id, boss, method="phone", reached=True)
    return services.closures.close(case_id, boss, Closure("dissuaded"))


def test_a_batch_that_comes_again_counts_nothing_twice(
    services: Services, index: ContactIndex
) -> None:
    batch = [
        *calls((CALLER, VICTIM), (CALLER, VICTIM)),
        payment("attempted", 1),
        payment("completed", 2),
    ]
    index.handle(batch)
    index.handle(batch)
    index.handle(batch[-1:])
    with services.db.read() as session:
        rows = {row.peer: (row.events, row.paid_minor) for row in session.scalars(select(Contact))}
        statuses = set(session.scalars(select(Activity.status)))
    assert rows == {CALLER: (2, 0), PAYEE: (1, 1_000_000)}
    assert statuses == {"ended", "completed"}


def test_a_call_in_progress_becomes_the_call_that_ended(
    services: Services, index: ContactIndex
) -> None:
    start = CallStarted(
        event_id="s-1", event_time_ms=NOW_MS, subscriber=VICTIM, call_id="k-0",
        direction="inbound", caller=CALLER, callee=VICTIM,
    )  # fmt: skip
    index.handle([record(start, 0)])
    index.handle([*calls((CALLER, VICTIM), start=0)][:1])  # the same offset: already there
    with services.db.read() as session:
        assert session.scalars(select(Activity.status)).one() == "on_call"
    ended = calls((CALLER, VICTIM))[0]
    index.handle([TopicRecord("calls", 0, 7, NOW_MS, None, ended.value)])
    with services.db.read() as session:
        assert session.scalars(select(Activity.status)).one() == "ended"


def test_bytes_that_are_no_event_stop_nothing(services: Services, index: ContactIndex) -> None:
    index.handle([TopicRecord("calls", 0, 0, 0, None, b"\x00"), *calls((CALLER, VICTIM), start=1)])
    with services.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Contact)) == 1


def test_a_payment_to_the_swindler_after_closing_takes_the_prevented_loss_back(
    services: Services, index: ContactIndex, boss: Principal
) -> None:
    case = confirm(services, boss)
    index.handle([payment("attempted", 1)])
    assert services.case_queries.get(EVERYTHING, case.case_id).prevented_minor == 5_000_000
    index.handle([payment("completed", 2)])
    index.handle([payment("completed", 2)])
    assert services.case_queries.get(EVERYTHING, case.case_id).prevented_minor == 4_000_000


def test_a_payment_whose_warning_was_withdrawn_is_no_loss(
    services: Services, index: ContactIndex, boss: Principal
) -> None:
    withdrawn = warning("w-2", subject_id="t-9", action="withdraw")
    services.ingestor.ingest([warning(), withdrawn], "test")
    case = confirm(services, boss)
    index.handle([payment("completed", 2)])
    assert services.case_queries.get(EVERYTHING, case.case_id).prevented_minor == 5_000_000


def test_a_payment_to_another_payee_or_too_late_changes_no_prevented_loss(
    services: Services, index: ContactIndex, boss: Principal
) -> None:
    case = confirm(services, boss)
    index.handle(
        [
            payment("completed", 1, payee_account="6222111111111111"),
            payment("completed", 2, transfer_id="t-8", event_time_ms=NOW_MS + 90_000_000),
        ]
    )
    assert services.case_queries.get(EVERYTHING, case.case_id).prevented_minor == 5_000_000


def test_a_sweep_warns_the_first_degree_lists_the_second_and_spares_the_public(
    services: Services, index: ContactIndex, boss: Principal, pseudonymiser: Pseudonymiser
) -> None:
    people = [f"+8613600000{number:03}" for number in range(40)]
    mate, hotline, neighbour = "+8617011111111", "96110", people[30]
    edges = [(CALLER, person) for person in people[:5]]  # first degree
    edges += [(mate, person) for person in [*people[:4], neighbour]]  # a number they share
    edges += [(hotline, person) for person in people]  # a number that all people know
    index.handle(calls(*edges))
    confirm(services, boss)
    sweeper = Sweeper(services.db, services.clock, services.lists, OPTIONS)
    while sweeper.run_one():
        pass
    with services.db.read() as session:
        targets = {
            row.subscriber: (row.degree, row.action) for row in session.scalars(select(SweepTarget))
        }
        texts = list(session.scalars(select(Delivery.address).where(Delivery.purpose == "advise")))
        published = [
            decode_list_entry(row.value)
            for row in session.scalars(select(OutboxMessage))
            if row.topic == "lists"
        ]
    assert targets == dict.fromkeys(people[:5], (1, "warn")) | {neighbour: (2, "list")}
    assert sorted(texts) == people[:5]
    listed = {(entry.list, entry.peer) for entry in published}
    assert ("block", to_hex(pseudonymiser.phone(CALLER))) in listed
    assert ("block", to_hex(pseudonymiser.account(PAYEE))) in listed
    assert ("watch", to_hex(pseudonymiser.phone(mate))) in listed
    assert to_hex(pseudonymiser.phone(hotline)) not in {peer for _, peer in listed}


def test_the_same_swindler_is_swept_once_a_case(
    services: Services, index: ContactIndex, boss: Principal
) -> None:
    index.handle(calls((CALLER, "+8613600000001")))
    case = confirm(services, boss)
    services.closures.reopen(case.case_id, boss, reason="again")
    services.case_service.claim(case.case_id, boss)
    services.case_service.contact(case.case_id, boss, method="phone", reached=True)
    services.case_service.contact(case.case_id, boss, method="phone", reached=True)
    services.closures.close(case.case_id, boss, Closure("dissuaded"))
    sweeper = Sweeper(services.db, services.clock, services.lists, OPTIONS)
    while sweeper.run_one():
        pass
    with services.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Sweep)) == 2  # caller and payee
        assert session.scalar(select(func.count()).select_from(Delivery)) == 1


def test_ten_thousand_contacts_are_swept_whole_and_each_is_texted_once(
    services: Services,
    settings: AlertingSettings,
    index: ContactIndex,
    boss: Principal,
    clock: Clock,
) -> None:
    """With a gateway that fails twice and a courier that dies once on the way."""
    edges = [(CALLER, f"+86139{number:08}") for number in range(10_000)]
    for start in range(0, len(edges), 2_000):
        index.handle(calls(*edges[start : start + 2_000], start=start))
    confirm(services, boss)
    sweeper = Sweeper(services.db, services.clock, services.lists, OPTIONS)
    began = time.monotonic()
    while sweeper.run_one():
        pass
    with GatewayDouble() as gateway:
        reachable = with_options(settings, gateways={"sms_url": gateway.url("sms")})
        delivery_sender(reachable, services).lease()  # it dies with what it took
        gateway.behaviour.fail_next = 2
        other = delivery_sender(reachable.model_copy(update={"replica": "two"}), services)
        for _ in range(3):
            while parcels := other.lease():
                for parcel in parcels:
                    other.deliver(parcel)
            clock.advance(seconds=31)
        other.close()
        texted = [item.body["to"] for item in gateway.acted("sms")]
    print(f"swept and texted 10,000 contacts in {time.monotonic() - began:.2f} s")
    assert len(texted) == len(set(texted)) == 10_000
    with services.db.read() as session:
        states = session.execute(select(Delivery.state, func.count()).group_by(Delivery.state))
        assert [tuple(row) for row in states] == [("sent", 10_000)]
        assert session.scalar(select(func.count()).select_from(SweepTarget)) == 10_000
