"""Many warnings and their outcomes through the service's own code in one run, the ledger reconciled to the cent.

Usage: python -m benchmarks.scale_warnings [--warnings 300000] [--minutes 0] [--threads 4]

A PostgreSQL that waits for the disk at each commit. Warnings come in batches of 500 as from Kafka, two of each person, one message in
eleven a repetition of an earlier one. Responders claim the cases of a batch, record the contact and close them while the
next batch comes; some losses become known later and are taken back, and some cases stay open. Beside it the program adds up
what each case is worth by the plan alone, without the service's code. At the end the sums of the ledger by account and
district, the outcomes in the outbox and the hash chain of the audit log are compared with that. ``--minutes`` ends the
run after a whole batch; the document says how many warnings it got to. Prints one JSON document, and ends with status 1 if a cent is missing.
"""

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import psutil
from msgspec.structs import replace
from sqlalchemy import func, select

from alerting.access import EVERYTHING, Principal
from alerting.bootstrap.service_layer import build_services
from alerting.cases.closure_service import Closure
from alerting.cases.history.audit_log import verify
from alerting.cases.late_loss_service import LateLoss
from alerting.cases.ledger.prevented_loss_report import report
from alerting.db import Database, migrate
from alerting.db.case_tables import Case
from alerting.db.case_tables import Warning_ as WarningRow
from alerting.db.journal_tables import OutboxMessage
from alerting.ingest.warning_decoder import decode_warning
from benchmarks.alerting_ingest import one
from forewarn.contracts.event_codec import encode
from forewarn.contracts.fraud_warning import FraudWarning
from forewarn.contracts.outcome import Outcome
from forewarn.platform.clock import system_clock
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.platform.settings import AlertingSettings
from tests.doubles.postgres_server import PostgresServer

BATCH, EACH, REPEATED = 500, 2, 50
"""Warnings of a batch, of a person, and repetitions in a batch."""
RESPONDER = Principal("local:bench", "Bench", frozenset({"responder"}), EVERYTHING, "session")

DISTRICTS = ("430405", "430407", "430408")

PLAN = (
    ("dissuaded",) * 9 + ("stated",) + ("false_alarm",) * 6 + ("loss",) * 2 + ("late_loss", "open")
)
"""What becomes of twenty people."""


@dataclass(slots=True)
class Expected:
    """What the ledger has to say, by district, from the plan alone; minor units."""

    prevented: Counter[str] = field(default_factory=Counter)
    taken_back: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    cases: int = 0
    warnings: int = 0
    closed: int = 0

    def add(self, number: int, mine: Sequence[FraudWarning]) -> None:
        """A person with these warnings, dealt with by the plan."""
        self.cases += 1
        self.warnings += len(mine)
        whole, district = sum(one.amount_at_risk_minor for one in mine), mine[-1].district
        what = PLAN[number % len(PLAN)]
        if what in ("dissuaded", "late_loss"):
            self.prevented[district] += whole
        if what == "stated":
            self.prevented[district] += whole // 2
        if what == "loss":
            self.lost[district] += mine[0].amount_at_risk_minor
        if what == "late_loss":
            self.taken_back[district] += mine[0].amount_at_risk_minor // 3
            self.lost[district] += mine[0].amount_at_risk_minor // 3
        self.closed += what != "open"


class Desk:
    """Responders who deal with the cases of a batch by the plan."""

    def __init__(self, services: Any, threads: int) -> None:
        self._services = services
        self._pool = ThreadPoolExecutor(threads)
        self._going: list[Any] = []

    def take(self, people: dict[int, list[FraudWarning]]) -> None:
        """Wait for the cases of the batch before, then begin with these."""
        self.finish()
        cases = self._cases([mine[0].subscriber for mine in people.values()])
        for number, mine in people.items():
            case_id = cases[mine[0].subscriber]
            self._going.append(self._pool.submit(self._one, number, case_id, mine))

    def finish(self) -> None:
        """Wait for what is going on; raises what went wrong."""
        for step in self._going:
            step.result()
        self._going.clear()

    def _cases(self, subscribers: list[str]) -> dict[str, str]:
        with self._services.db.read() as session:
            rows = session.execute(
                select(Case.subscriber, Case.case_id).where(Case.subscriber.in_(subscribers))
            ).all()
        if len(rows) != len(subscribers):
            sys.exit(f"{len(rows)} cases for {len(subscribers)} people")
        return {row[0]: row[1] for row in rows}

    def _one(self, number: int, case_id: str, mine: list[FraudWarning]) -> None:
        what = PLAN[number % len(PLAN)]
        if what == "open":
            return
        services = self._services
        services.case_service.claim(case_id, RESPONDER)
        services.case_service.contact(case_id, RESPONDER, method="phone", reached=True)
        whole = sum(one.amount_at_risk_minor for one in mine)
        closure = {
            "stated": Closure("dissuaded", prevented_minor=whole // 2),
            "false_alarm": Closure("false_alarm"),
            "loss": Closure("loss_occurred", lost_minor=mine[0].amount_at_risk_minor),
        }.get(what, Closure("dissuaded"))
        services.closures.close(case_id, RESPONDER, closure)
        if what == "late_loss":
            lost_minor = mine[0].amount_at_risk_minor // 3
            late = LateLoss(lost_minor, mine[0].subject.subject_id)
            services.late_losses.report_loss(case_id, RESPONDER, late)


def batches(
    count: int, dice: random.Random
) -> Iterator[tuple[list[bytes], dict[int, list[FraudWarning]]]]:
    """Messages of each batch with their repetitions, and the warnings by person."""
    earlier: list[bytes] = []
    for first in range(0, count, BATCH):
        people: dict[int, list[FraudWarning]] = {}
        for number in range(first, min(first + BATCH, count)):
            person = number // EACH
            made = one(f"w-{number}", f"+86138{person:08}", dice, system_clock())
            made = replace(made, district=DISTRICTS[person % len(DISTRICTS)])
            people.setdefault(person, []).append(made)
        fresh = [encode(made) for mine in people.values() for made in mine]
        repeated = dice.sample(earlier, min(REPEATED, len(earlier)))
        earlier = [*earlier[-5_000:], *fresh]
        yield [*fresh, *repeated], people


def run(services: Any, given: argparse.Namespace) -> tuple[Expected, dict[str, Any]]:
    """Take warnings in and deal with their cases; returns what is expected, and the speed."""
    expected, desk = Expected(), Desk(services, given.threads)
    results: Counter[str] = Counter()
    began, processor = time.monotonic(), time.process_time()
    for messages, people in batches(given.warnings, random.Random(7)):
        decoded = [decode_warning(value) for value in messages]
        results.update(services.ingestor.ingest(decoded, "benchmark").counts())
        for number, mine in people.items():
            expected.add(number, mine)
        desk.take(people)
        if given.minutes and time.monotonic() - began > given.minutes * 60:
            break
    desk.finish()
    seconds = time.monotonic() - began
    return expected, {
        "seconds": round(seconds),
        "warnings_per_second": round(expected.warnings / seconds, 1),
        "processor_ms_a_warning": round(
            (time.process_time() - processor) / expected.warnings * 1e3, 2
        ),
        "ingested": dict(results),
        "memory_mb": round(psutil.Process().memory_info().rss / 1e6),
    }


def reconcile(db: Database, expected: Expected) -> dict[str, Any]:
    """Compare the ledger, the outbox and the audit log with what is expected."""
    rows = report(db, EVERYTHING, ["district"])
    found = {
        name: Counter({row.values[0]: getattr(row, f"{name}_minor") for row in rows})
        for name in ("prevented", "taken_back", "lost")
    }
    with db.read() as session:
        counts = {
            "cases": session.scalar(select(func.count()).select_from(Case)),
            "warnings": session.scalar(select(func.count()).select_from(WarningRow)),
        }
    reported = outcomes(db)
    chain = verify(db)
    differences = {
        name: sum(sums.values()) - sum(getattr(expected, name).values())
        for name, sums in found.items()
    }
    by_district = all(+sums == +getattr(expected, name) for name, sums in found.items())
    wanted = {"cases": expected.cases, "warnings": expected.warnings}
    net = sum(expected.prevented.values()) - sum(expected.taken_back.values())
    reported_wanted = (expected.closed, net, sum(expected.lost.values()))
    return {
        "counts": counts,
        "counts_expected": wanted,
        "yuan": {name: sum(sums.values()) / 100 for name, sums in found.items()},
        "difference_minor": differences,
        "every_district_agrees": by_district,
        "outcomes": dict(zip(("cases", "prevented_minor", "lost_minor"), reported, strict=True)),
        "outcomes_agree": reported == reported_wanted,
        "audit_lines": chain.lines,
        "audit_fault": chain.fault,
        "reconciled": by_district
        and counts == wanted
        and reported == reported_wanted
        and not chain.fault,
    }


def outcomes(db: Database) -> tuple[int, int, int]:
    """Closed cases, prevented and lost money as the newest outcomes in the outbox say."""
    newest: dict[str, Outcome] = {}
    decoder = msgspec.json.Decoder(Outcome)
    with db.read() as session:
        statement = (
            select(OutboxMessage.value)
            .where(OutboxMessage.topic == "outcomes")
            .order_by(OutboxMessage.message_no)
        )
        for value in session.scalars(statement.execution_options(yield_per=5_000)):
            outcome = decoder.decode(value)
            newest[outcome.warning_id or ""] = outcome
    return (
        len({outcome.case_id for outcome in newest.values()}),
        sum(outcome.prevented_minor for outcome in newest.values()),
        sum(outcome.lost_minor for outcome in newest.values()),
    )


def main() -> None:
    """Run, reconcile, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--warnings", type=int, default=300_000)
    parser.add_argument("--minutes", type=float, default=0.0, help="end after these; 0 is no bound")
    parser.add_argument("--threads", type=int, default=4)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        server = PostgresServer(Path(directory), durable=True).start()
        try:
            db = Database(server.url)
            migrate.upgrade(db)
            services = build_services(
                AlertingSettings(database_url=server.url),
                db,
                system_clock,
                Pseudonymiser(b"only for benchmarks"),
            )
            expected, speed = run(services, given)
            result = reconcile(db, expected)
            db.dispose()
        finally:
            server.stop()
    load = {"load_average": round(os.getloadavg()[0], 1)}
    print(json.dumps({"warnings": expected.warnings} | speed | result | load))
    sys.exit(0 if result["reconciled"] else 1)


if __name__ == "__main__":
    main()
