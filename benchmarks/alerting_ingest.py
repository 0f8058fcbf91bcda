"""How many warnings a second the alerting service takes in.

Usage: python benchmarks/alerting_ingest.py [--warnings 20000] [--batch 500] [--database URL]

Without a URL a PostgreSQL is started that waits for the disk at each commit, as in production. The
warnings are of as many people as there are warnings divided by two (so half of them join a case),
one in ten repeats an earlier one, and every one passes the decoder, the correlation, the ledger,
the timers and the audit chain. Prints one JSON document.
"""

import argparse
import json
import os
import random
import tempfile
import time
from collections import Counter
from pathlib import Path

from alerting.bootstrap.components import build_services
from alerting.db import Database, migrate
from alerting.ingest.warning_decoder import decode_warning
from forewarn.contracts.event_codec import encode
from forewarn.contracts.fraud_warning import FraudWarning, Reason, Source, Subject
from forewarn.local.postgres_server import PostgresServer
from forewarn.platform.clock import system_clock
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.platform.settings import AlertingSettings

TARGET_PER_SECOND = 500


def warnings(count: int, dice: random.Random, now_ms: int) -> list[bytes]:
    """Encoded warnings, one in ten of them a repetition."""
    made: list[bytes] = []
    for number in range(count):
        if made and number % 10 == 9:
            made.append(dice.choice(made[-1000:]))
            continue
        person = dice.randrange(max(1, count // 2))
        made.append(encode(one(f"w-{number}", f"+86138{person:08}", dice, now_ms)))
    return made


def one(warning_id: str, person: str, dice: random.Random, now_ms: int) -> FraudWarning:
    """One warning of an attempted transfer."""
    amount = dice.randrange(10_000, 50_000_000)
    return FraudWarning(
        event_id=f"e-{warning_id}",
        event_time_ms=now_ms,
        subscriber=person,
        district=dice.choice(["430405", "430407", "430408"]),
        warning_id=warning_id,
        action="raise",
        subject=Subject(kind="transfer", subject_id=f"t-{warning_id}"),
        subject_status="attempted",
        severity=dice.choice(["critical", "high", "medium"]),
        typology="task_scam",
        probability=0.9,
        expected_loss_minor=amount * 9 // 10,
        amount_at_risk_minor=amount,
        appended_at_ms=now_ms,
        raised_at_ms=now_ms,
        reasons=(Reason(code="payee_new", contribution=1.0),) * 3,
        decision="raised",
        caller=f"+8617{dice.randrange(10**9):09}",
        payee=f"6222{dice.randrange(10**12):012}",
        model_version="m-1",
        policy_version="p-1",
        source=Source("transfers", 0, int(warning_id[2:])),
    )


def measure(url: str, count: int, batch: int) -> dict[str, object]:
    """Take the warnings in and time it."""
    db = Database(url)
    migrate.upgrade(db)
    services = build_services(
        AlertingSettings(database_url=url), db, system_clock, Pseudonymiser(b"only for benchmarks")
    )
    messages = warnings(count, random.Random(7), system_clock())
    results: Counter[str] = Counter()
    took: list[float] = []
    began, processor = time.perf_counter(), time.process_time()
    for start in range(0, len(messages), batch):
        at = time.perf_counter()
        decoded = [decode_warning(value) for value in messages[start : start + batch]]
        results.update(services.ingestor.ingest(decoded, "benchmark").counts())
        took.append(time.perf_counter() - at)
    seconds = time.perf_counter() - began
    processor = time.process_time() - processor
    db.dispose()
    took.sort()
    return {
        "database": "postgresql" if db.is_postgresql else "sqlite",
        "warnings": count,
        "batch": batch,
        "seconds": round(seconds, 2),
        "warnings_per_second": round(count / seconds),
        "per_processor_second": round(count / processor),  # of this process, not of the server
        "load_average": round(os.getloadavg()[0], 1),
        "batch_seconds_median": round(took[len(took) // 2], 3),
        "batch_seconds_max": round(took[-1], 3),
        "results": dict(results),
        "meets_target": count / seconds >= TARGET_PER_SECOND,
    }


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--warnings", type=int, default=20_000)
    parser.add_argument("--batch", type=int, default=500)
    parser.add_argument("--database", default="")
    given = parser.parse_args()
    if given.database:
        print(json.dumps(measure(given.database, given.warnings, given.batch)))
        return
    with tempfile.TemporaryDirectory() as directory:
        server = PostgresServer(Path(directory), durable=True).start()
        try:
            print(json.dumps(measure(server.url, given.warnings, given.batch)))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
