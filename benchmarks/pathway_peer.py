"""The job of a peer on Pathway: per person counts and sums of five windows, one prediction, one score to a topic.

Written as its manual teaches: the windows are groups by person and time bucket, each event is joined to its five
groups as they are when it is processed, and a function predicts for many rows at once. State is kept in a folder
by Pathway's own persistence. The program needs an environment of its own (``benchmarks.pathway_process``).

Usage: python pathway_peer.py BROKER TOPIC,TOPIC OUTPUT BOOSTER STATE_FOLDER
Runs until it is ended.
"""

import sys

import lightgbm
import numpy as np
import pathway as pw

WINDOWS_MS = (60_000, 300_000, 3_600_000, 86_400_000, 604_800_000)
COMMIT_MS = 100
"""Events of so long are processed together: its unit of work, as a batch is the worker's."""
SNAPSHOT_MS = 1_000
ROWS_AT_ONCE = 1_024


class Event(pw.Schema):
    """The fields that the job needs."""

    subscriber: str
    event_id: str
    event_time_ms: int
    amount_minor: int = pw.column_definition(default_value=0)


def main() -> None:
    """Build the tables and run them."""
    broker, sources, output, booster_file, state = sys.argv[1:6]
    booster = lightgbm.Booster(model_file=booster_file)
    client = {"bootstrap.servers": broker}
    tables = [
        pw.io.kafka.read(
            client | {"group.id": "pathway-peer", "auto.offset.reset": "earliest"},
            topic=topic,
            schema=Event,
            format="json",
            autocommit_duration_ms=COMMIT_MS,
            name=f"source-{number}",
        )
        for number, topic in enumerate(sources.split(","))
    ]
    events = pw.Table.concat_reindex(*tables)
    buckets = {f"bucket_{i}": pw.this.event_time_ms // size for i, size in enumerate(WINDOWS_MS)}
    joined = events.with_columns(**buckets)
    keyed = joined
    for i in range(len(WINDOWS_MS)):
        joined = _with_window(joined, keyed, i)

    @pw.udf(deterministic=True, max_batch_size=ROWS_AT_ONCE)
    def probability(*columns: list[int]) -> list[float]:
        rows = np.zeros((len(columns[0]), booster.num_feature()), np.float32)
        rows[:, : len(columns)] = np.array(columns).T
        return booster.predict(rows, num_threads=1).tolist()

    numbers = [
        joined[f"{kind}_{i}"] for i in range(len(WINDOWS_MS)) for kind in ("count", "amount")
    ]
    scores = joined.select(joined.subscriber, joined.event_id, probability=probability(*numbers))
    pw.io.kafka.write(scores, client | {"acks": "all"}, output, key=scores.subscriber)
    pw.run(
        monitoring_level=pw.MonitoringLevel.NONE,
        persistence_config=pw.persistence.Config(
            pw.persistence.Backend.filesystem(state), snapshot_interval_ms=SNAPSHOT_MS
        ),
    )


def _with_window(joined: pw.Table, keyed: pw.Table, i: int) -> pw.Table:
    """Count and sum of one window beside each event."""
    bucket = f"bucket_{i}"
    window = keyed.groupby(keyed.subscriber, keyed[bucket]).reduce(
        keyed.subscriber,
        keyed[bucket],
        count=pw.reducers.count(),
        amount=pw.reducers.sum(keyed.amount_minor),
    )
    found = joined.asof_now_join(
        window, joined.subscriber == window.subscriber, joined[bucket] == window[bucket]
    )
    kept = [joined[name] for name in joined.column_names()]
    return found.select(*kept, **{f"count_{i}": window["count"], f"amount_{i}": window["amount"]})


if __name__ == "__main__":
    main()
