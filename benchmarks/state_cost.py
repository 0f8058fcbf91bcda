"""Processor time of the state of an event: plan, load, kernel, pack and commit, in both forms, in turn.

    python -m benchmarks.state_cost [--subscribers 3000] [--chunks 60]

The history is that of `benchmarks/kernel.py`; the last chunks of 1,000 events run against a real Redis that holds
the records of all others. Time is processor time of this process alone.
"""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.bench import save
from benchmarks.kernel import CHUNK, history
from features.engine import Engine
from features.entity_keys import StateForm
from features.event_columns import EventColumns
from features.store.redis_connections import connect
from features.store.redis_retries import RetryPolicy
from features.store.redis_store import RedisStateStore
from features.store.store_factory import TAGS
from forewarn.local import RedisServer

BATCH = 4000


async def _opened(directory: Path, form: StateForm) -> tuple[RedisServer, RedisStateStore]:
    server = RedisServer(directory / form.value)
    server.start()
    link = connect(server.unix_url, timeout_seconds=30)
    store = RedisStateStore(link, prefix="fw", tags=TAGS, retries=RetryPolicy(30), new_form=form)
    await store.open(create=True)
    return server, store


async def _cycle(engine: Engine, store: RedisStateStore, chunk: EventColumns) -> float:
    """Process a chunk; microseconds of processor time an event."""
    began = time.thread_time()
    plan = engine.plan(chunk)
    records = await store.load(plan.keys)
    writes = engine.run(plan, records).writes()
    assert not await store.commit(writes)
    return (time.thread_time() - began) / len(chunk) * 1e6


async def measure(subscribers: int, chunks: int) -> dict[StateForm, list[float]]:
    """Microseconds an event of each chunk and form."""
    columns = history(subscribers, 30)
    first = len(columns) - chunks * CHUNK
    found: dict[StateForm, list[float]] = {form: [] for form in StateForm}
    with tempfile.TemporaryDirectory() as directory:
        stores = {form: await _opened(Path(directory), form) for form in StateForm}
        engines = {form: Engine(form=lambda form=form: form) for form in StateForm}
        for form, (_, store) in stores.items():
            past = columns.take(slice(0, first))
            writes = engines[form].run(engines[form].plan(past)).writes()
            for start in range(0, len(writes), BATCH):
                assert not await store.commit(writes[start : start + BATCH])
        for at in range(first, len(columns), CHUNK):
            chunk = columns.take(slice(at, at + CHUNK))
            for form, (_, store) in stores.items():
                found[form].append(await _cycle(engines[form], store, chunk))
        for server, store in stores.values():
            await store.close()
            server.stop()
    return found


def main() -> None:
    """Print the medians and their difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subscribers", type=int, default=3000)
    parser.add_argument("--chunks", type=int, default=60)
    options = parser.parse_args()
    found = asyncio.run(measure(options.subscribers, options.chunks))
    medians = {form.value: round(float(np.median(values)), 2) for form, values in found.items()}
    best = {form.value: round(float(np.min(values)), 2) for form, values in found.items()}
    print(f"us an event, median {medians}, best {best}")
    print(save("state_cost", {"median_us": medians, "best_us": best}))


if __name__ == "__main__":
    main()
