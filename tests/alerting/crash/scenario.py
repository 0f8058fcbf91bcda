"""Lives one case through, in a process that is killed at the n-th point; run by ``test_crash``.

A point is a moment just before or just after a commit or a request to a gateway: everywhere else a
crash looks the same as at the point before it. One parent without threads forks a child a point.
Prints one JSON line a point.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from alerting.access import EVERYTHING, Principal
from alerting.bootstrap.background_tasks import delivery_sender, timer_worker
from alerting.bootstrap.service_layer import build_services
from alerting.cases import history
from alerting.cases.closure_service import Closure
from alerting.db import Database
from alerting.db.case_tables import Case, Warning_
from alerting.db.journal_tables import OutboxMessage
from alerting.db.ledger_tables import LedgerEntry
from alerting.notify.channels.http_channel import HttpChannel
from alerting.notify.channels.team_channels import WebhookChannel
from forewarn.contracts.event_codec import decode_outcome
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.platform.settings import AlertingSettings
from tests.alerting.factory import NOW_MS, Clock, warning
from tests.alerting.options import options

KILLED = 137
BOSS = Principal("local:boss", "Boss", frozenset({"supervisor"}), EVERYTHING, "session")


class Points:
    """Counts points, and ends the process at the one that was asked for."""

    def __init__(self, fatal: int) -> None:
        self.fatal = fatal
        self.passed = 0

    def hit(self) -> None:
        self.passed += 1
        if self.passed == self.fatal:
            os._exit(KILLED)  # as SIGKILL: nothing is flushed, closed or rolled back


def instrument(db: Database, points: Points) -> None:
    event.listen(db.engine, "commit", lambda _connection: points.hit())
    write = db.write

    @contextmanager
    def counted() -> Iterator[Session]:
        with write() as session:
            yield session
        points.hit()

    db.write = counted  # type: ignore[method-assign]
    for channel in (HttpChannel, WebhookChannel):
        send = channel.send

        def sending(self: Any, message: Any, send: Callable = send) -> Any:
            points.hit()
            receipt = send(self, message)
            points.hit()
            return receipt

        channel.send = sending  # type: ignore[method-assign]


def live(settings: AlertingSettings, number: int, fatal: int, now_ms: int) -> None:
    """The life of a case from wherever it stands to its end."""
    clock, points = Clock(now_ms), Points(fatal)
    db = Database(settings.database_url)
    if fatal:
        instrument(db, points)
    services = build_services(settings, db, clock, Pseudonymiser(b"a key that only tests use"))
    timers, sender = timer_worker(settings, services), delivery_sender(settings, services)
    person = f"+86138{number:08}"
    # Kafka delivers the warning again until its offset is committed.
    caller, payee = f"+8617{number:09}", f"62220{number:011}"
    services.ingestor.ingest(
        [warning(f"w-{number}", subscriber=person, caller=caller, payee=payee)], "kafka"
    )
    send_all(timers, sender, clock)
    with db.read() as session:
        case_id = session.get(Warning_, f"w-{number}").case_id
    case = services.case_queries.get(EVERYTHING, case_id)
    if case.state == "dispatched":
        services.case_service.acknowledge(case_id, BOSS)
        case = services.case_queries.get(EVERYTHING, case_id)
    if case.state != "closed":
        services.case_service.contact(case_id, BOSS, method="phone", reached=True)
        services.closures.close(case_id, BOSS, Closure("dissuaded"))
    send_all(timers, sender, clock)
    db.dispose()
    os._exit(0 if not fatal or points.passed < fatal else 1)


def send_all(timers: Any, sender: Any, clock: Clock) -> None:
    for _ in range(4):
        timers.run_due()
        while parcels := sender.lease():
            for parcel in parcels:
                sender.deliver(parcel)
        clock.advance(seconds=40)  # past leases and confirmations, not past the deadline twice


def state_of(db: Database, number: int) -> SimpleNamespace:
    with db.read() as session:
        cases = list(session.scalars(select(Case).where(Case.subscriber == f"+86138{number:08}")))
        if not cases:
            return SimpleNamespace(cases=0, state=None, balances={}, outcomes=0)
        balances = {
            account: int(total)
            for account, total in session.execute(
                select(LedgerEntry.account, func.sum(LedgerEntry.amount_minor))
                .where(LedgerEntry.case_id == cases[0].case_id)
                .group_by(LedgerEntry.account)
            )
        }
        outcomes = [
            decode_outcome(row.value)
            for row in session.scalars(
                select(OutboxMessage).where(OutboxMessage.topic == "outcomes")
            )
        ]
        mine = [one for one in outcomes if one.case_id == cases[0].case_id]
        return SimpleNamespace(
            cases=len(cases), state=cases[0].state, balances=balances, outcomes=len(mine)
        )


def fork(work: Callable[[], None]) -> int:
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(3)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(database_url: str, gateway: str, routing: str, stride: str) -> None:
    settings = AlertingSettings(
        database_url=database_url, routing_file=Path(routing), bank_secret="of the bank", replica="one",
        options=options(gateways={
            "sms_url": f"{gateway}sms", "voice_url": f"{gateway}voice", "bank_url": f"{gateway}bank",
            "lease_seconds": 30, "timeout_seconds": 5,
        }),
    )  # fmt: skip
    point = 1
    while True:
        first = fork(partial(live, settings, point, point, NOW_MS))
        check = Database(database_url)
        between = state_of(check, point)
        check.dispose()
        print(
            json.dumps({"point": point, "between": between.state, "killed": first == KILLED}),
            flush=True,
        )
        sys.stdin.readline()  # the test counts what the gateways got until now
        again = fork(partial(live, settings, point, 0, NOW_MS + 31_000))
        check = Database(database_url)
        after = state_of(check, point)
        fault = history.verify(check).fault
        check.dispose()
        print(
            json.dumps(
                {"point": point, "first": first, "again": again, "audit": fault, **vars(after)}
            ),
            flush=True,
        )
        sys.stdin.readline()
        if first != KILLED:
            return
        point += int(stride)


if __name__ == "__main__":
    main(*sys.argv[1:])
