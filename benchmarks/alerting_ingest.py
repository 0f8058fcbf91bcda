"""How many warnings a second the alerting service takes in, and how many cases a second it closes.

Usage: python benchmarks/alerting_ingest.py [--warnings 20000] [--batch 500] [--closures 2000]
           [--threads 8] [--database URL] [--against REVISION [--rounds 3]]

Without a URL a PostgreSQL is started that waits for the disk at each commit, as in production. The
warnings are of as many people as there are warnings divided by two (so half of them join a case),
one in ten repeats an earlier one, and every one passes the decoder, the correlation, the ledger,
the timers and the audit chain. Then several threads claim cases and close them as false alarms, one
transaction a step: all of them meet at the head of the audit chain. Prints one JSON document.

With ``--against`` the benchmark of another revision runs in turn with this one, each on a database
of its own, in a temporary checkout; the document then holds both, with the median of the rounds.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import select

from alerting.access import EVERYTHING, Principal
from alerting.bootstrap.service_layer import build_services
from alerting.cases.closure_service import Closure
from alerting.db import Database, migrate
from alerting.db.case_tables import Case
from alerting.ingest.warning_decoder import decode_warning
from forewarn.contracts.event_codec import encode
from forewarn.contracts.fraud_warning import FraudWarning, Reason, Source, Subject
from forewarn.platform.clock import system_clock
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.platform.settings import AlertingSettings
from tests.doubles.postgres_server import PostgresServer

ROOT = Path(__file__).parents[1]
TARGET_PER_SECOND = 500
RESPONDER = Principal("local:bench", "Bench", frozenset({"responder"}), EVERYTHING, "session")


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


def measure(given: argparse.Namespace, url: str) -> dict[str, object]:
    """Take the warnings in, close cases, and time both."""
    db = Database(url)
    migrate.upgrade(db)
    services = build_services(
        AlertingSettings(database_url=url), db, system_clock, Pseudonymiser(b"only for benchmarks")
    )
    figures: dict[str, object] = {
        "database": "postgresql" if db.is_postgresql else "sqlite",
        **ingest(services, given.warnings, given.batch),
        **close(services, db, given.closures, given.threads),
        "load_average": round(os.getloadavg()[0], 1),
    }
    db.dispose()
    return figures


def ingest(services: Any, count: int, batch: int) -> dict[str, object]:
    """Take the warnings in, one batch after the other."""
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
    took.sort()
    return {
        "warnings": count,
        "batch": batch,
        "seconds": round(seconds, 2),
        "warnings_per_second": round(count / seconds),
        "per_processor_second": round(count / processor),  # of this process, not of the server
        "batch_seconds_median": round(took[len(took) // 2], 3),
        "batch_seconds_max": round(took[-1], 3),
        "results": dict(results),
        "meets_target": count / seconds >= TARGET_PER_SECOND,
    }


def close(services: Any, db: Database, count: int, threads: int) -> dict[str, object]:
    """Claim cases and close them, several at once."""
    with db.read() as session:
        case_ids = session.scalars(select(Case.case_id).order_by(Case.case_id).limit(count)).all()

    def one_case(case_id: str) -> float:
        at = time.perf_counter()
        services.case_service.claim(case_id, RESPONDER)
        services.closures.close(case_id, RESPONDER, Closure("false_alarm"))
        return time.perf_counter() - at

    began = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        took = sorted(pool.map(one_case, case_ids))
    seconds = time.perf_counter() - began
    return {
        "closures": len(case_ids),
        "threads": threads,
        "closures_per_second": round(len(case_ids) / seconds, 1),
        "closure_seconds_median": round(median(took), 4),
        "closure_seconds_p99": round(took[len(took) * 99 // 100], 4),
    }


def compare(given: argparse.Namespace) -> dict[str, object]:
    """Run this revision and another one in turn."""
    with tempfile.TemporaryDirectory() as directory:
        other = Path(directory) / "other"
        _git("worktree", "add", "--detach", str(other), given.against)
        try:
            rounds = [
                (_child(other, given), _child(ROOT, given)) for _ in range(max(1, given.rounds))
            ]
        finally:
            _git("worktree", "remove", "--force", str(other))
    before, after = ([pair[side] for pair in rounds] for side in (0, 1))
    return {
        "against": given.against,
        **{
            name: {
                "before": median(one[name] for one in before),
                "after": median(one[name] for one in after),
            }
            for name in ("warnings_per_second", "closures_per_second", "closure_seconds_p99")
        },
        "before": before,
        "after": after,
    }


def _child(tree: Path, given: argparse.Namespace) -> dict[str, Any]:
    options = ("warnings", "batch", "closures", "threads")
    done = subprocess.run(
        [
            sys.executable,
            str(tree / "benchmarks" / Path(__file__).name),
            *(f"--{name}={getattr(given, name)}" for name in options),
        ],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree)},
        check=True,
        capture_output=True,
        text=True,
    )
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def _git(*words: str) -> None:
    subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--warnings", type=int, default=20_000)
    parser.add_argument("--batch", type=int, default=500)
    parser.add_argument("--closures", type=int, default=2_000)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--database", default="")
    parser.add_argument("--against", default="")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    if given.against:
        print(json.dumps(compare(given)))
        return
    if given.database:
        print(json.dumps(measure(given, given.database)))
        return
    with tempfile.TemporaryDirectory() as directory:
        server = PostgresServer(Path(directory), durable=True).start()
        try:
            print(json.dumps(measure(given, server.url)))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
