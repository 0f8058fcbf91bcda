"""Loses a region on purpose and measures what is lost with it (RPO) and how long B takes to serve (RTO).

Usage: python -m benchmarks.region_rehearsal [--rate 50] [--seconds 60]

Two brokers, two Redis, a PostgreSQL with a streaming standby and MirrorMaker 2 are processes of this machine, and
so are worker and alerting service of each region. Region A takes traffic and closes cases; then every process
of it is killed in one moment. Region B follows docs/second-region.md: the mirror is stopped, the standby
promoted, the state rebuilt from the mirrored topics, worker and service are started, and traffic arrives there. Then A's
disks are read, which is not possible in a real disaster: so what is missing in B is counted, not estimated.
How long people take to decide on the switch is not in the times. Prints one JSON document.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.region_parts import MIRRORED, PARTITIONS, START_SECONDS, Region, close_cases, load
from forewarn.contracts.topics import SOURCES, TopicName
from forewarn.local.mirror_maker import MirrorMaker
from forewarn.local.wait import wait_until
from tests.doubles.postgres_server import PostgresServer

GROUPS = ("forewarn", "forewarn-alerting.*")
COUNTS = {
    "warnings": "SELECT count(*) FROM warnings",
    "cases": "SELECT count(*) FROM cases",
    "closed": "SELECT count(*) FROM cases WHERE closed_at_ms IS NOT NULL",
    "ledger_minor": "SELECT coalesce(sum(amount_minor), 0)::bigint FROM ledger_entries",
    "outbox": "SELECT count(*) FROM outbox",
}


class Clock:
    """Seconds from the loss of the region to each step."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self.seconds: dict[str, float] = {}

    def note(self, step: str) -> None:
        """A step is done."""
        self.seconds[step] = round(time.monotonic() - self._began, 1)
        print(f"{self.seconds[step]:8.1f} s  {step}", file=sys.stderr, flush=True)


def rehearse(home: Path, *, rate: float, seconds: float) -> dict[str, Any]:
    """Run the rehearsal once; returns the figures."""
    primary = PostgresServer(home / "database-a", durable=True).start()
    a = Region(home / "a", primary)
    a.world.create_topics()
    a.command("alerting", "migrate")
    b = Region(home / "b", primary.replica(home / "database-b"))
    mirror = MirrorMaker(
        home / "mirror",
        source=a.kafka.bootstrap_servers,
        target=b.kafka.bootstrap_servers,
        topics=MIRRORED,
        groups=GROUPS,
    )
    try:
        mirror.start()
        before = _serve(a, b, mirror, rate, seconds)
        lost_at = _lose(a, rate)
        clock, standby = _switch(b, mirror)
        after = _serve_in_b(b, clock, rate)
        kept = _read_disks(a)
        return {
            "rate": rate,
            "seconds": seconds,
            "before": before,
            "load_when_lost": lost_at,
            "lost": _lost(kept, standby),
            "rto_seconds": clock.seconds,
            "rebuilt": after,
            "load_average": round(os.getloadavg()[0], 1),
        }
    finally:
        mirror.stop()
        a.stop()
        b.stop()


def _serve(a: Region, b: Region, mirror: MirrorMaker, rate: float, seconds: float) -> Any:
    """Region A at work until the mirror has followed; responders close cases."""
    for child in (a.worker, a.alerting):
        child.start()
    a.await_worker()
    a.await_alerting()
    traffic = load(a, rate=rate, seconds=seconds, seed=1)
    closed = close_cases(a, time.monotonic() + seconds)
    traffic.wait(START_SECONDS)

    def followed() -> bool:
        mirror.process.require_running()
        reached = b.ends(MIRRORED)
        behind = b.positions("forewarn", SOURCES)
        return reached == a.ends(MIRRORED) and len(behind) >= 2 * PARTITIONS

    wait_until(followed, START_SECONDS, what="the mirror to follow", interval_seconds=1.0)
    return {"closed_over_http": closed, "events": sum(a.ends(("calls", "transfers")).values())}


def _lose(a: Region, rate: float) -> float:
    """Lose the region while events arrive and cases are closed; returns the load average."""
    traffic = load(a, rate=rate, seconds=600, seed=2)
    try:
        close_cases(a, time.monotonic() + 15)
        found = round(os.getloadavg()[0], 1)
        a.crash()
    finally:
        traffic.kill()
        traffic.wait()
    return found


def _switch(b: Region, mirror: MirrorMaker) -> tuple[Clock, dict[str, Any]]:
    """The steps of docs/second-region.md; returns their times and what B holds before it serves."""
    clock = Clock()
    mirror.process.kill()  # it could write once more if A came back for a moment
    clock.note("mirror_stopped")
    with ThreadPoolExecutor(2) as pool:
        cases = pool.submit(_switch_cases, b, clock)
        stream = pool.submit(_switch_stream, b, clock)
        return clock, cases.result() | stream.result()


def _switch_cases(b: Region, clock: Clock) -> dict[str, Any]:
    b.database.promote()
    clock.note("database_promoted")
    found = {name: b.rows(query)[0][0] for name, query in COUNTS.items()}
    found["warning_ids"] = {row[0] for row in b.rows("SELECT warning_id FROM warnings")}
    return found


def _switch_stream(b: Region, clock: Clock) -> dict[str, Any]:
    ends = b.ends(MIRRORED)
    positions = b.positions("forewarn", SOURCES)
    behind = sum(
        end - positions.get(where, 0) for where, end in ends.items() if where[0] in SOURCES
    )
    b.world.create_topics()  # as `forewarn topics apply`
    clock.note("topics_applied")
    b.command("rebuild", "--yes")
    clock.note("state_rebuilt")
    b.worker.start()
    b.await_worker()
    clock.note("worker_ready")
    return {"ends": ends, "scored_again": behind}


def _serve_in_b(b: Region, clock: Clock, rate: float) -> dict[str, Any]:
    """Start the service, send traffic to B, and wait for a score and a case that come from there."""
    b.alerting.start()
    b.await_alerting()
    clock.note("alerting_ready")
    ends = b.ends(("transfers",))
    beyond = {partition: end for (_, partition), end in ends.items()}
    began_ms = time.time_ns() // 1_000_000
    traffic = load(b, rate=rate, seconds=120, seed=3)
    try:
        _noted(clock, "new_event_scored", lambda: b.scored("transfers", beyond))
        query = f"SELECT count(*) FROM warnings WHERE appended_at_ms >= {began_ms}"
        _noted(clock, "new_event_is_a_case", lambda: b.rows(query)[0][0] > 0)
        with b.alerting.client() as client:
            client.get("/v1/cases").raise_for_status()
        clock.note("case_answered_over_http")
    finally:
        traffic.kill()
        traffic.wait()
    return {"twice": _repeated(b)}


def _repeated(b: Region) -> int:
    """Warnings that the database holds more than once: there must be none."""
    query = "SELECT count(*) - count(DISTINCT warning_id) FROM warnings"
    return int(b.rows(query)[0][0])


def _read_disks(a: Region) -> dict[str, Any]:
    """What region A had when it was lost, read from its disks."""
    a.database.start()
    a.kafka.start()
    found: dict[str, Any] = {name: a.rows(query)[0][0] for name, query in COUNTS.items()}
    found["warning_ids"] = {row[0] for row in a.rows("SELECT warning_id FROM warnings")}
    return found | {"ends": a.ends(MIRRORED)}


def _lost(kept: dict[str, Any], standby: dict[str, Any]) -> dict[str, Any]:
    """What A had and B had not at the switch; records by topic."""

    def of(topic: TopicName, held: dict[str, Any]) -> int:
        return sum(int(end) for where, end in held["ends"].items() if where[0] == topic)

    records = {topic: of(topic, kept) - of(topic, standby) for topic in MIRRORED}
    return {
        "records": records,
        "records_in_a": {topic: of(topic, kept) for topic in MIRRORED},
        **{name: kept[name] - standby[name] for name in COUNTS if name != "outbox"},
        "in_a": {name: kept[name] for name in COUNTS},
        "warnings_only_in_a": len(kept["warning_ids"] - standby["warning_ids"]),
        "events_scored_again_in_b": standby["scored_again"],
    }


def _noted(clock: Clock, step: str, done: Callable[[], bool]) -> None:
    wait_until(done, START_SECONDS, what=step, interval_seconds=0.2)
    clock.note(step)


def main() -> None:
    """Rehearse, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rate", type=float, default=50.0, help="events a second")
    parser.add_argument("--seconds", type=float, default=60.0, help="before the loss")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="forewarn-regions-") as directory:
        print(json.dumps(rehearse(Path(directory), rate=given.rate, seconds=given.seconds)))


if __name__ == "__main__":
    main()
