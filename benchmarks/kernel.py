"""The feature kernel and its engine on one core: events a second, and the share of each step.

    python benchmarks/kernel.py [--subscribers 10000] [--days 30] [--json FILE] [--cold]

History: every subscriber has a circle of numbers and accounts, one contact in ten is a popular number or
unknown; about five calls and one transfer a day, fewer for most. Time is processor time of the thread, the
best of several rounds, so that other work on the machine disturbs little; the bare loop over the same
arrays (adding up an event's columns and writing its row of vectors) runs in the same rounds.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numba import njit

from features import kinds
from features.engine import Engine
from features.entity_keys import Entity, parse_key
from features.event_columns import EventColumns, from_arrays
from features.kinds import EventKind as K

START_MS = 1_760_000_000_000
CHUNK = 1000


def history(subscribers: int, days: int, seed: int = 1) -> EventColumns:
    """Events of a town in time order; most people are quiet, some are not."""
    rng = np.random.default_rng(seed)
    daily = rng.gamma(1.2, 5 / 1.2, subscribers)  # events a day
    who = np.repeat(np.arange(subscribers), rng.poisson(daily * days))
    n = len(who)
    who = who[np.argsort(rng.random(n))]
    hour = rng.choice(24, n, p=_HOURS / _HOURS.sum())
    time_ms = rng.integers(0, days, n) * 86_400_000 + (hour - 8) * 3_600_000
    time_ms += rng.integers(0, 3_600_000, n)
    order = np.argsort(time_ms, kind="stable")
    who, time_ms = who[order], time_ms[order] + START_MS + 86_400_000
    kind = rng.choice(
        [K.CALL_STARTED, K.CALL_ENDED, K.OUT_ATTEMPTED, K.OUT_COMPLETED, K.IN_COMPLETED],
        n,
        p=[0.4, 0.42, 0.07, 0.07, 0.04],
    ).astype(np.uint8)
    account = kind >= K.OUT_ATTEMPTED
    name = rng.integers(1, 1 << 63, 64 * subscribers, dtype=np.uint64)
    circle = who * 24 + np.minimum(rng.geometric(0.18, n), 24)
    popular = rng.zipf(1.5, n) % subscribers + 40 * subscribers
    ended = kind == K.CALL_ENDED
    flags = np.where(account, kinds.ACCOUNT, np.where(rng.random(n) < 0.55, kinds.INBOUND, 0))
    flags |= np.where(ended & (rng.random(n) < 0.8), kinds.ANSWERED, 0)
    return from_arrays(
        kind=kind,
        time_ms=time_ms,
        subscriber=name[who],
        counterparty=name[np.where(rng.random(n) < 0.9, circle, popular)],
        device=np.where(rng.random(n) < 0.5, name[who + 50 * subscribers], np.uint64(0)),
        subject=rng.integers(1, 1 << 62, n),
        amount_minor=np.where(account, rng.lognormal(9, 1.5, n).astype(np.int64), 0),
        duration_ms=np.where(ended, rng.exponential(90_000, n).astype(np.int64), 0),
        flags=flags,
        source=account.astype(np.uint8),
        offset=np.arange(n),
    )


_HOURS = np.array(
    [1, 0.5, 0.3, 0.2, 0.2, 0.5, 1, 3, 5, 6, 6, 6, 5, 5, 5, 5, 6, 6, 6, 6, 5, 4, 3, 2]
)


@njit
def bare_loop(batch: np.ndarray, out: np.ndarray) -> None:
    """Touch all that goes in and all that comes out, once."""
    for i in range(batch.shape[0]):
        total = 0
        for c in range(batch.shape[1]):
            total += batch[i, c]
        for c in range(out.shape[1]):
            out[i, c] = total


def best_us(rounds: int, events: int, work: Callable[[], object]) -> float:
    """Microseconds of processor time an event, best of some rounds."""
    times = []
    for _ in range(rounds):
        began = time.thread_time()
        work()
        times.append(time.thread_time() - began)
    return min(times) / events * 1e6


def measure(subscribers: int, days: int) -> dict[str, object]:
    """All figures but the cold compilation."""
    engine = Engine()
    columns = history(subscribers, days)
    warm_up = columns.take(slice(0, len(columns) - 20 * CHUNK))
    store = {w.key: w.value for w in engine.run(engine.plan(warm_up)).writes()}
    sizes: dict[str, list[int]] = {entity.name.lower(): [] for entity in Entity}
    for key, value in store.items():
        sizes[parse_key(key)[0].name.lower()].append(len(value))
    batch = np.zeros((CHUNK, 14), np.int64)
    out = np.zeros((CHUNK, len(engine.catalog.names)), np.float32)
    bare_loop(batch, out)
    steps: dict[str, list[float]] = {
        name: [] for name in ("bare", "plan", "run", "kernel", "write")
    }
    for at in range(len(columns) - 20 * CHUNK, len(columns), CHUNK):
        chunk = columns.take(slice(at, at + CHUNK))
        plan = engine.plan(chunk)
        records = [store.get(key) for key in plan.keys]
        result = engine.run(plan, records)
        steps["bare"].append(best_us(5, CHUNK, lambda: bare_loop(batch, out)))
        steps["plan"].append(best_us(5, CHUNK, lambda c=chunk: engine.plan(c)))
        steps["run"].append(best_us(5, CHUNK, lambda p=plan, r=records: engine.run(p, r)))
        # The kernel alone: run without stored records to unpack would be another state, so the
        # unpacking is measured and taken off.
        steps["kernel"].append(steps["run"][-1] - _unpack_us(engine, plan, records))
        both = best_us(5, CHUNK, lambda p=plan, r=records: engine.run(p, r).writes())
        steps["write"].append(both - steps["run"][-1])
        store.update((w.key, w.value) for w in result.writes())
    us = {name: round(float(np.median(values)), 3) for name, values in steps.items()}
    return {
        "events": len(columns),
        "features": len(engine.catalog.names),
        "records": {entity: len(values) for entity, values in sizes.items()},
        "record_bytes_mean": {e: round(float(np.mean(v)), 1) for e, v in sizes.items() if v},
        "record_bytes_p99": {e: float(np.percentile(v, 99)) for e, v in sizes.items() if v},
        "us_per_event": us,
        "kernel_events_per_second": round(1e6 / us["kernel"]),
        "engine_events_per_second": round(1e6 / (us["plan"] + us["run"] + us["write"])),
        "kernel_to_bare_loop": round(us["kernel"] / us["bare"], 1),
    }


def _unpack_us(engine: Engine, plan: object, records: list[bytes | None]) -> float:
    return best_us(5, CHUNK, lambda: engine._load(plan, records))  # noqa: SLF001 - timed alone


def cold_seconds() -> float:
    """Wall time of compiling everything in a fresh process with an empty cache."""
    with tempfile.TemporaryDirectory() as empty:
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "features.precompile"],
            check=True,
            env=os.environ | {"NUMBA_CACHE_DIR": empty},
            stdout=subprocess.DEVNULL,
        )
        return round(time.perf_counter() - began, 1)


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--subscribers", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--json", type=Path, help="write the figures here, too")
    parser.add_argument("--cold", action="store_true", help="time the compilation, too")
    options = parser.parse_args()
    figures: dict[str, object] = {
        "machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores",
        "load_average": os.getloadavg()[0],
    }
    figures |= measure(options.subscribers, options.days)
    if options.cold:
        figures["cold_compile_seconds"] = cold_seconds()
    text = json.dumps(figures, indent=2)
    print(text)
    if options.json:
        options.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
