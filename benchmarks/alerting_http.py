"""How fast the alerting service answers over HTTP: the queue of a full desk, and warnings.

Usage: python -m benchmarks.alerting_http [--cases 20000] [--updates 100] [--rate 250]
           [--seconds 20] [--connections 40]

A PostgreSQL is started that waits for the disk at each commit, as in production, and the service
runs in a process of its own. With the open cases in the database a page of the queue is asked for
as a browser does: whole, and then after each change of one case; the times are those of the client
on the same machine, so the service's own time is below them. Then warnings of new people are sent at a
fixed rate; a latency counts from the moment at which a warning was due, so that a service
that falls behind cannot hide it. Prints one JSON document.
"""

import argparse
import asyncio
import json
import os
import random
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import aiohttp
import httpx
import psutil
import uvicorn
from sqlalchemy import func, insert, select

from alerting.access.users import UserFile
from alerting.bootstrap.access_components import build_access
from alerting.bootstrap.service_layer import build_services
from alerting.db import Database, migrate
from alerting.db.case_tables import Case
from alerting.ingest.warning_decoder import decode_warning
from alerting.web.application import create_app
from alerting.web.console import ConsoleOptions, mount_console
from benchmarks.alerting_ingest import one, warnings
from forewarn.contracts.event_codec import encode
from forewarn.platform.clock import system_clock
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.platform.settings import AccessSettings, AlertingSettings
from tests.doubles.postgres_server import PostgresServer

KEY = "a-key-for-benchmarks-and-nothing-else"
PASSWORD = "a password for benchmarks"
QUEUE_TARGET_MS = 60
UPDATE_TARGET_BYTES = 20 * 1024
WARNINGS_TARGET_MS = 200


def serve(url: str, users: Path, port: int) -> None:
    """Run the service until it is stopped."""
    db = Database(url)
    services = build_services(
        AlertingSettings(database_url=url), db, system_clock, Pseudonymiser(b"only for benchmarks")
    )
    access = build_access(
        settings=AccessSettings(users_file=users),
        database=db,
        public_url=f"http://127.0.0.1:{port}",
        service_key=KEY,
        clock=system_clock,
    )
    app = create_app(
        services, access, prepare=lambda app: mount_console(app, ConsoleOptions(language="en"))
    )
    uvicorn.run(app, port=port, log_level="error", access_log=False)


def fill(url: str, count: int) -> int:
    """Open cases of as many people, copied from a hundred that were ingested; returns their number."""
    db = Database(url)
    migrate.upgrade(db)
    services = build_services(
        AlertingSettings(database_url=url), db, system_clock, Pseudonymiser(b"only for benchmarks")
    )
    made = [decode_warning(value) for value in warnings(200, random.Random(7), system_clock())]
    services.ingestor.ingest(made, "benchmark")
    dice = random.Random(17)
    with db.write() as session:
        models = session.scalars(select(Case)).all()
        columns = [column.key for column in Case.__table__.columns]
        rows = []
        for number in range(count - len(models)):
            row = {name: getattr(dice.choice(models), name) for name in columns}
            row |= {"case_id": f"c-bench{number:015}", "subscriber": f"+86137{number:08}"}
            row["expected_loss_minor"] = dice.randrange(10_000, 50_000_000)
            row["deadline_ms"] += dice.randrange(-600_000, 600_000)
            rows.append(row)
        session.execute(insert(Case), rows)
    with db.read() as session:
        open_cases = session.scalar(select(func.count()).select_from(Case)) or 0
    db.dispose()
    return open_cases


def signed_in(address: str, name: str) -> httpx.Client:
    """A browser's session."""
    client = httpx.Client(base_url=address, timeout=30, headers={"Accept-Language": "en"})
    page = client.get("/console/sign-in").text
    token = re.findall(r'name="csrf_token" value="([^"]*)"', page)[0]
    form = {"name": name, "password": PASSWORD, "csrf_token": token, "next": ""}
    if client.post("/console/sign-in", data=form).status_code != 303:
        raise RuntimeError("the sign-in failed")
    return client


def queue(address: str, url: str, updates: int) -> dict[str, object]:
    """A page of the queue, and what each change of one of its cases costs."""
    client = signed_in(address, "bench")
    db = Database(url)
    services = build_services(
        AlertingSettings(database_url=url), db, system_clock, Pseudonymiser(b"only for benchmarks")
    )
    dice = random.Random(11)
    whole_ms, update_ms, sizes = [], [], []
    page = client.get("/console/queue").raise_for_status().text
    number = 1_000_000
    for _ in range(updates):
        shown = re.findall(r'data-case="([^"]+)"', page)
        with db.read() as session:
            case = session.get_one(Case, dice.choice(shown))
        number += 1  # another warning of the same person joins the case
        services.ingestor.ingest(
            [one(f"w-{number}", case.subscriber, dice, system_clock())], "benchmark"
        )
        path = re.findall(r'hx-get="(/console/queue/rows[^"]*)"', page)[0].replace("&amp;", "&")
        at = time.perf_counter()
        with client.stream("GET", path, headers={"HX-Request": "true"}) as answer:
            size = sum(len(part) for part in answer.iter_raw())
        update_ms.append((time.perf_counter() - at) * 1000)
        sizes.append(size)
        at = time.perf_counter()
        page = client.get("/console/queue").raise_for_status().text
        whole_ms.append((time.perf_counter() - at) * 1000)
    with client.stream("GET", "/console/queue") as answer:
        whole_bytes = sum(len(part) for part in answer.iter_raw())
    db.dispose()
    return {
        "page_ms": spread(whole_ms),
        "page_bytes": whole_bytes,
        "update_ms": spread(update_ms),
        "update_bytes": spread(sizes),
        "meets_target": spread(update_ms)["p50"] < QUEUE_TARGET_MS
        and spread(sizes)["max"] < UPDATE_TARGET_BYTES,
    }


async def ingest(address: str, rate: int, seconds: int, connections: int) -> dict[str, object]:
    """Send warnings at a rate, each with an idempotency key."""
    dice = random.Random(13)
    now_ms = system_clock()
    bodies = [
        encode(one(f"w-{5_000_000 + n}", f"+86139{n:08}", dice, now_ms))
        for n in range(rate * seconds)
    ]
    took: list[float] = []
    answers: Counter[int] = Counter()
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    numbers = iter(range(len(bodies)))
    async with aiohttp.ClientSession(address, headers=headers) as client:
        began = time.perf_counter()

        async def connection() -> None:
            # One request at a time: a pool that thousands wait for would measure itself.
            for number in numbers:
                due = began + number / rate
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                key = {"Idempotency-Key": f"k-{number}"}
                async with client.post("/v1/warnings", data=bodies[number], headers=key) as answer:
                    await answer.read()
                took.append((time.perf_counter() - due) * 1000)
                answers[answer.status] += 1

        await asyncio.gather(*(connection() for _ in range(connections)))
        lasted = time.perf_counter() - began
    failed = len(bodies) - answers[201]
    return {
        "asked_per_second": rate,
        "answered_per_second": round(len(took) / lasted, 1),
        "answers": {str(status): count for status, count in sorted(answers.items())},
        "failed": failed,
        "latency_ms": spread(took),
        "meets_target": failed == 0 and spread(took)["p99"] < WARNINGS_TARGET_MS,
    }


def processor_seconds(process: psutil.Process) -> float:
    """What the service has used of a processor; the figure that a busy machine does not change."""
    used = process.cpu_times()
    return float(used.user + used.system)


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, p95, p99 and maximum."""
    ordered = sorted(values)
    at = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
    return {
        name: round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 1)
        for name, share in at.items()
    }


def measure(given: argparse.Namespace, directory: Path, url: str) -> dict[str, object]:
    """Fill the database, start the service, and ask it."""
    cases = fill(url, given.cases)
    users = directory / "users.json"
    UserFile(users).save(
        "bench", PASSWORD, display_name="Bench", roles=["responder"], tenants=["*"], districts=["*"]
    )
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    words = [
        sys.executable,
        "-m",
        "benchmarks.alerting_http",
        "--serve",
        url,
        str(users),
        str(port),
    ]
    service = subprocess.Popen(words)
    try:
        for _ in range(300):
            try:
                httpx.get(f"{address}/console/sign-in", timeout=5)
                break
            except httpx.TransportError:
                time.sleep(0.1)
        process = psutil.Process(service.pid)
        start = processor_seconds(process)
        desk = queue(address, url, given.updates)
        between = processor_seconds(process)
        sent = asyncio.run(ingest(address, given.rate, given.seconds, given.connections))
        end = processor_seconds(process)
        return {
            "open_cases": cases,
            # A round of the queue is an update and a whole page.
            "queue": desk
            | {"processor_ms_a_round": round((between - start) / given.updates * 1e3, 1)},
            "warnings": sent
            | {"processor_ms_each": round((end - between) / (given.rate * given.seconds) * 1e3, 2)},
            "load_average": round(os.getloadavg()[0], 1),
        }
    finally:
        service.terminate()
        service.wait(10)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--updates", type=int, default=100)
    parser.add_argument("--rate", type=int, default=250)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--connections", type=int, default=40)
    parser.add_argument("--serve", nargs=3, default=None, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve[0], Path(given.serve[1]), int(given.serve[2]))
        return
    with tempfile.TemporaryDirectory() as directory:
        server = PostgresServer(Path(directory), durable=True).start()
        try:
            print(json.dumps(measure(given, Path(directory), server.url)))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
