"""Give a fresh state the town's past, so that thirty-day windows mean something from the start.

``python -m forewarn.demo.town_history OPTIONS TODAY`` runs in a process of its own, with the settings of a
stack in its environment, before the stack's workers start.
"""

import asyncio
import sys
from datetime import date

import msgspec
import polars as pl

from features.offline.rebuild import rebuild_state
from features.store.store_factory import meaning_of, redis_state_store
from forewarn.demo.demo_options import DemoOptions
from forewarn.platform.exit_status import run
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.platform.settings import PrivacySettings, RedisSettings, load
from forewarn.simulator import simulate
from forewarn.simulator.default_training import history_of_town
from models.training.history_dataset import EventHistory, event_columns


def past_of(options: DemoOptions, today: date) -> EventHistory:
    """What had arrived before the demonstrated day's first moment."""
    scenario = options.scenario(today)
    first_ms = options.first_ms(scenario)
    whole = history_of_town(simulate(scenario))
    arrived = pl.col("appended_at_ms") < first_ms
    return EventHistory(
        calls=whole.calls.filter(arrived),
        transfers=whole.transfers.filter(arrived),
        outcomes=whole.outcomes.filter(pl.col("label_time_ms") < first_ms),
    )


async def fill(history: EventHistory) -> None:
    """Write the state after a history into the Redis that the settings name."""
    key = load(PrivacySettings).pseudonym_key.get_secret_value().encode()
    pseudonymiser = Pseudonymiser(key)
    columns = event_columns(history, pseudonymiser)
    store = redis_state_store(load(RedisSettings), meaning=meaning_of(pseudonymiser))
    try:
        await store.open(create=True)
        done = await rebuild_state(columns, store, as_history=True)
    finally:
        await store.close()
    print(  # noqa: T201  its log
        f"{done.events:,} events to {done.records:,} records in {done.seconds:.1f} s", flush=True
    )


if __name__ == "__main__":
    given = msgspec.json.decode(sys.argv[1], type=DemoOptions)
    today = date.fromisoformat(sys.argv[2])
    sys.exit(run(lambda: asyncio.run(fill(past_of(given, today)))))
