"""What the alerting service keeps up under load: consoles, feeds of terminals and warnings at once.

Usage: python -m benchmarks.alerting_load [--sessions 200] [--feeds 500] [--warnings 100] [--seconds 60]

Starts a PostgreSQL that waits for the disk at each commit, Kafka and ``forewarn alerting serve``, and loads them with
locust for a bounded time, all on this machine and its loopback address. A patrol is called once a second. Prints one
JSON document: times and failures by kind of request, and what the service holds and uses.
"""

import argparse
import csv
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Self

import httpx
import psutil

from alerting.access.api_keys import KeyStore
from alerting.access.grants import Grants
from alerting.access.users import UserFile
from alerting.db import Database, migrate
from alerting.db.case_tables import Case
from alerting.db.dispatch_tables import Delivery
from benchmarks.alerting_http import KEY, PASSWORD, fill
from benchmarks.alerting_ingest import one
from forewarn.contracts.event_codec import encode
from forewarn.local import KafkaBroker
from forewarn.local.child_process import Child
from forewarn.local.ports import free_port
from forewarn.local.wait import wait_until
from forewarn.platform.clock import system_clock
from forewarn.platform.kafka import TopicAdministration
from forewarn.platform.settings import KafkaSettings
from tests.doubles.postgres_server import PostgresServer

PEOPLE = 5
FEEDS_A_KEY = 8
CASES = 2_000
RISE_SECONDS = 30
"""Time in which the clients arrive; the figures are of the time after it."""


def service(directory: Path, kafka: str, database: str) -> tuple[Child, str]:
    """``forewarn alerting serve``, not started, and its address."""
    port = free_port()
    child = Child(
        "alerting",
        [sys.executable, "-m", "forewarn", "alerting", "serve"],
        log_file=directory / "alerting.log",
        environment={
            "FOREWARN_KAFKA_BOOTSTRAP_SERVERS": kafka,
            "FOREWARN_PRIVACY_PSEUDONYM_KEY": "a key of benchmarks and tests",
            "FOREWARN_ALERTING_DATABASE_URL": database,
            "FOREWARN_ALERTING_API_KEY": KEY,
            "FOREWARN_ALERTING_PORT": str(port),
            "FOREWARN_ALERTING_METRICS_PORT": "0",
            "FOREWARN_ALERTING_INDEX_ENABLED": "false",
            "FOREWARN_ACCESS_USERS_FILE": str(directory / "users.json"),
        },
    )
    return child, f"http://127.0.0.1:{port}"


def plan(given: argparse.Namespace, directory: Path, database: Database) -> Path:
    """Write what the clients need: people, keys and warnings."""
    users = UserFile(directory / "users.json")
    for number in range(PEOPLE):
        users.save(
            f"r{number}", PASSWORD, display_name=f"R{number}", roles=["responder"],
            tenants=["*"], districts=["*"],
        )  # fmt: skip
    keys = KeyStore(database)
    grants = Grants.of(["patrol_terminal"], ["*"], ["*"])
    made = [
        keys.create(name=f"t{n}", grants=grants, created_by="b", days=1, now_ms=system_clock())[1]
        for n in range(given.feeds // FEEDS_A_KEY + 1)
    ]
    dice, now_ms = random.Random(13), system_clock()
    count = given.warnings * (given.seconds + RISE_SECONDS)
    bodies = [
        encode(one(f"w-{9_000_000 + n}", f"+86139{n:08}", dice, now_ms)) for n in range(count)
    ]
    (directory / "warnings.jsonl").write_bytes(b"\n".join(bodies))
    content = {
        "sessions": given.sessions, "feeds": given.feeds, "warnings": given.warnings,
        "people": PEOPLE, "password": PASSWORD, "keys": made, "service_key": KEY,
    }  # fmt: skip
    (directory / "plan.json").write_text(json.dumps(content))
    return directory / "plan.json"


class Watch:
    """Looks at the service once a second, and calls a patrol each time, while it is entered."""

    def __init__(self, child: Child, database: Database) -> None:
        self.process = psutil.Process(child.pid)
        self.memory_mb: list[float] = []
        self.files: list[int] = []
        self.threads: list[int] = []
        self._database = database
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(30)

    def _run(self) -> None:
        with self._database.read() as session:
            case = session.query(Case).first()
        number = 0
        while case is not None and not self._ended.wait(1.0):
            number += 1
            self.memory_mb.append(self.process.memory_info().rss / 1e6)
            self.files.append(self.process.num_fds())
            self.threads.append(self.process.num_threads())
            with self._database.write() as session:
                now_ms = system_clock()
                session.add(Delivery(
                    delivery_id=f"d-load-{number}", case_id=case.case_id, tenant=case.tenant,
                    district=case.district, subscriber=case.subscriber, channel="patrol",
                    purpose="protect", recipient="patrol", address="", template="patrol_visit",
                    language="en", reason="load", state="sent", not_before_ms=now_ms,
                    created_at_ms=now_ms, sent_at_ms=now_ms, feed_no=number,
                    content={"case_id": case.case_id, "typology": "unknown", "district": "", "url": "x"},
                ))  # fmt: skip

    def report(self) -> dict[str, object]:
        """Memory, files and threads: after a quarter of the time, at the end, and the most."""
        quarter = len(self.memory_mb) // 4
        return {
            name: {"after_a_quarter": round(of[quarter]), "end": round(of[-1]), "most": round(max(of))}
            for name, of in (
                ("memory_mb", self.memory_mb), ("files", self.files), ("threads", self.threads)
            )
        }  # fmt: skip


def load(given: argparse.Namespace, address: str, plan_file: Path) -> None:
    """Run locust until its time is over; it writes its statistics beside the plan."""
    clients = given.sessions + given.feeds + 25
    words = [
        *(sys.executable, "-m", "locust", "-f", "benchmarks/alerting_load_users.py", "--headless"),
        *("--host", address, "-u", str(clients), "-r", str(clients / RISE_SECONDS)),
        *(
            "--run-time",
            f"{given.seconds + RISE_SECONDS}s",
            "--csv",
            str(plan_file.with_name("load")),
        ),
        *("--reset-stats", "--only-summary", "--stop-timeout", "0"),
    ]
    subprocess.run(
        words,
        env={**os.environ, "FOREWARN_LOAD_PLAN": str(plan_file)},
        check=False,  # status 1 says that a request failed; the document counts them
        timeout=given.seconds + RISE_SECONDS + 120,
        stdout=subprocess.DEVNULL,
        stderr=plan_file.with_name("locust.log").open("wb"),
    )


def figures(directory: Path, seconds: int) -> dict[str, object]:
    """Times and failures by kind of request, from locust's statistics."""
    found: dict[str, object] = {}
    with (directory / "load_stats.csv").open() as file:
        for row in csv.DictReader(file):
            if row["Name"] == "Aggregated" or row["Request Count"] == "0":
                continue
            found[row["Name"]] = {
                "requests": int(row["Request Count"]),
                "a_second": round(int(row["Request Count"]) / seconds, 1),
                "failed": int(row["Failure Count"]),
                "p50_ms": round(float(row["50%"])),
                "p95_ms": round(float(row["95%"])),
                "p99_ms": round(float(row["99%"])),
                "max_ms": round(float(row["100%"])),
            }
    failures = (directory / "load_failures.csv").read_text().splitlines()[1:]
    return {"requests": found, "failures": failures[:20]}


def measure(given: argparse.Namespace, directory: Path) -> dict[str, object]:
    """Start everything, load it, and stop it."""
    server = PostgresServer(directory, durable=True).start()
    broker = KafkaBroker(directory / "kafka", fast_start=False).start()
    settings = KafkaSettings(bootstrap_servers=broker.bootstrap_servers, replication_factor=1)
    database = Database(server.url)
    child, address = service(directory, broker.bootstrap_servers, server.url)
    try:
        migrate.upgrade(database)
        with TopicAdministration(settings) as topics:
            topics.apply()
        cases = fill(server.url, CASES)
        plan_file = plan(given, directory, database)
        before = os.getloadavg()[0]
        child.start()
        wait_until(lambda: _answers(address), 120, what="the service to answer")
        with Watch(child, database) as watch:
            used, began = watch.process.cpu_times(), time.monotonic()
            load(given, address, plan_file)
            after, lasted = watch.process.cpu_times(), time.monotonic() - began
            child.require_running()
        share = (after.user + after.system - used.user - used.system) / lasted
        return {
            "asked": {"sessions": given.sessions, "feeds": given.feeds, "warnings_a_second": given.warnings},
            "open_cases_at_the_start": cases,
            **figures(directory, given.seconds),
            "service": watch.report() | {"processors": round(share, 2)},
            "load_average": {"before": round(before, 1), "after": round(os.getloadavg()[0], 1)},
        }  # fmt: skip
    finally:
        child.stop()
        database.dispose()
        broker.stop()
        server.stop()


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/console/sign-in", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--feeds", type=int, default=500)
    parser.add_argument("--warnings", type=int, default=100, help="a second")
    parser.add_argument("--seconds", type=int, default=60)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="forewarn-load-") as directory:
        print(json.dumps(measure(given, Path(directory)), indent=1))


if __name__ == "__main__":
    main()
