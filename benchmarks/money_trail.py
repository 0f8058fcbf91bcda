"""How long the trail of a case's money takes over ten thousand payments between accounts.

Usage: python -m benchmarks.money_trail [--payments 10000] [--bystanders 200000] [--rounds 7]

Starts a PostgreSQL, fills the timeline with the payments of three hops behind one payee (each account passes on
to several others) and with those of uninvolved people, and traces the case as the console does: queries, order of
payments, proposals. Prints one JSON document.
"""

import argparse
import json
import random
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import insert, text

from alerting.access import EVERYTHING, Principal
from alerting.bootstrap.service_layer import build_services
from alerting.db import Database, migrate
from alerting.db.contact_tables import Activity
from benchmarks.alerting_ingest import one
from forewarn.platform.clock import system_clock
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.platform.settings import AlertingSettings
from tests.doubles.postgres_server import PostgresServer

TARGET_SECONDS = 1.0
BOSS = Principal("local:bench", "Bench", frozenset({"supervisor"}), EVERYTHING, "session")
PAYEE = "6222000000000000"


def row(number: int, payer: str, payee: str, amount_minor: int, at_ms: int) -> dict[str, Any]:
    """One completed payment as the index writes it."""
    return {
        "tenant": "default", "subject_id": f"t-{number}", "kind": "transfer", "subscriber": f"+86139{number:08}",
        "at_ms": at_ms, "status": "completed", "direction": "outgoing", "peer": payee, "account": payer,
        "amount_minor": amount_minor, "currency": "CNY", "duration_ms": 0, "source_offset": number,
    }  # fmt: skip


def payments(count: int, dice: random.Random, now_ms: int) -> list[dict[str, Any]]:
    """Payments of three hops: a tenth of them leave the payee, the others leave accounts further on."""
    layers = [
        [PAYEE],
        *([f"62220{hop}{n:010}" for n in range(count * hop // 20 + 1)] for hop in (1, 2, 3)),
    ]
    made = []
    for number in range(count):
        hop = 0 if number < count // 10 else 1 if number < count // 2 else 2
        payer, payee = dice.choice(layers[hop]), dice.choice(layers[hop + 1])
        at_ms = now_ms - 1_800_000 + hop * 400_000 + dice.randrange(400_000)
        made.append(row(number, payer, payee, dice.randrange(1, 50_000), at_ms))
    return made


def measure(given: argparse.Namespace, url: str) -> dict[str, object]:
    """Fill a database and trace."""
    db = Database(url)
    migrate.upgrade(db)
    services = build_services(
        AlertingSettings(database_url=url), db, system_clock, Pseudonymiser(b"benchmark-benchmark")
    )
    dice, now_ms = random.Random(7), system_clock()
    paid = one("w-1", "+8613800000001", dice, now_ms - 1_900_000)
    fields = {name: getattr(paid, name) for name in paid.__struct_fields__}
    fields |= {"subject_status": "completed", "payee": PAYEE, "amount_at_risk_minor": 10**9}
    case_id = services.ingestor.ingest([type(paid)(**fields)], "benchmark").results[0][1]
    rows = payments(given.payments, dice, now_ms)
    rows += [
        row(10**7 + n, f"621{dice.randrange(50_000):013}", f"620{dice.randrange(50_000):013}", 100, now_ms - 60_000)
        for n in range(given.bystanders)
    ]  # fmt: skip
    for start in range(0, len(rows), 5_000):
        with db.write() as session:
            session.execute(insert(Activity), rows[start : start + 5_000])
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    took = []
    for _ in range(given.rounds):
        began = time.perf_counter()
        found = services.money_stops.trace(case_id, BOSS)
        took.append(time.perf_counter() - began)
    return {
        "payments": given.payments,
        "bystanders": given.bystanders,
        "traced_payments": len(found.trail.steps),
        "accounts": len(found.proposals),
        "seconds_median": round(median(took), 4),
        "seconds_max": round(max(took), 4),
        "target_seconds": TARGET_SECONDS,
        "met": max(took) < TARGET_SECONDS,
    }


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--payments", type=int, default=10_000)
    parser.add_argument("--bystanders", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        server = PostgresServer(Path(directory)).start()
        try:
            print(json.dumps(measure(given, server.url)))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
