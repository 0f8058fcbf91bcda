"""The same job written the usual way, for comparison: one event at a time.

For each event: decode, a pipeline of Redis commands that keep windows of counts, sums and distinct
counterparties and read them back, a vector, one prediction, one score to Kafka. It keeps fewer
features than the worker does, and no promise about crashes: a lower bound of what the usual way
costs.

Usage: python -m benchmarks.usual_way faust|quix BROKER CALLS,TRANSFERS OUTPUT REDIS_URL BOOSTER WARM EVENTS
Times EVENTS events behind the first WARM.
"""

import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import faust
import lightgbm
import numpy as np
import redis
import redis.asyncio
from quixstreams import Application

from benchmarks.stream_engines import Stopwatch
from forewarn.contracts import CallEnded, CallStarted, Transfer, decode_call, decode_transfer

WINDOWS_SECONDS = {"1m": 60, "5m": 300, "1h": 3_600, "24h": 86_400, "7d": 604_800}


@dataclass(frozen=True, slots=True)
class Job:
    """Where the records are, what scores them and where the scores go."""

    broker: str
    calls: str
    transfers: str
    output: str
    redis_url: str
    booster: lightgbm.Booster


def commands(pipeline: Any, event: Any) -> None:
    """Update and read the windows of one event's people: 21 commands."""
    if isinstance(event, Transfer):
        other, amount = event.payee_account, event.amount_minor
    elif isinstance(event, (CallStarted, CallEnded)):
        other, amount = event.caller, 0
    else:
        other, amount = "", 0
    second = event.event_time_ms // 1000
    for name, seconds in WINDOWS_SECONDS.items():
        key = f"u:{event.subscriber}:{name}:{second // seconds}"
        pipeline.hincrby(key, "count", 1)
        pipeline.hincrby(key, "amount", amount)
        pipeline.expire(key, 2 * seconds)
    pipeline.pfadd(f"u:{event.subscriber}:others", other)
    pipeline.pfcount(f"u:{event.subscriber}:others")
    pipeline.hincrby(f"o:{other}:{second // 86_400}", "count", 1)
    pipeline.pfadd(f"o:{other}:reached", event.subscriber)
    pipeline.pfcount(f"o:{other}:reached")
    pipeline.hgetall(f"u:{event.subscriber}:seen")


def score(booster: lightgbm.Booster, vector: Any, replies: Sequence[Any]) -> float:
    """Fill the vector from the replies and predict one row."""
    numbers = [reply for reply in replies if isinstance(reply, int)]
    vector[0, : len(numbers)] = numbers
    return float(booster.predict(vector, num_threads=1)[0])


def with_faust(job: Job, stopwatch: Stopwatch) -> Any:
    """Stock Faust: ``async for``, awaiting Redis for each event."""
    app = faust.App(
        f"usual-{os.getpid()}",
        broker=f"kafka://{job.broker}",
        value_serializer="raw",
        key_serializer="raw",
        consumer_auto_offset_reset="earliest",
        topic_disable_leader=True,
        topic_allow_declare=False,
        datadir=tempfile.mkdtemp(prefix="usual-"),
    )
    client = redis.asyncio.Redis.from_url(job.redis_url)
    scores = app.topic(job.output, value_type=bytes)
    vector = np.zeros((1, job.booster.num_feature()), np.float32)

    async def work(stream: Any, decode: Any) -> None:
        async for value in stream:
            event = decode(value)
            pipeline = client.pipeline(transaction=False)
            commands(pipeline, event)
            probability = score(job.booster, vector, await pipeline.execute())
            await scores.send(
                key=event.subscriber.encode(),
                value=json.dumps({"event_id": event.event_id, "probability": probability}).encode(),
            )
            stopwatch.count(1)

    @app.agent(app.topic(job.calls, value_type=bytes))
    async def calls(stream: Any) -> None:
        await work(stream, decode_call)

    @app.agent(app.topic(job.transfers, value_type=bytes))
    async def transfers(stream: Any) -> None:
        await work(stream, decode_transfer)

    return app


def with_quix(job: Job, stopwatch: Stopwatch) -> Any:
    """Quix Streams on librdkafka, with a blocking Redis client."""
    app = Application(
        broker_address=job.broker,
        consumer_group=f"usual-{os.getpid()}",
        auto_offset_reset="earliest",
        state_dir=tempfile.mkdtemp(prefix="usual-"),
        loglevel="ERROR",
        auto_create_topics=False,
    )
    client = redis.Redis.from_url(job.redis_url)
    scores = app.topic(job.output, value_serializer="bytes", key_serializer="bytes")
    vector = np.zeros((1, job.booster.num_feature()), np.float32)

    def worker(decode: Any) -> Any:
        def work(value: bytes) -> bytes:
            event = decode(value)
            pipeline = client.pipeline(transaction=False)
            commands(pipeline, event)
            probability = score(job.booster, vector, pipeline.execute())
            stopwatch.count(1)
            return json.dumps({"event_id": event.event_id, "probability": probability}).encode()

        return work

    for name, decode in ((job.calls, decode_call), (job.transfers, decode_transfer)):
        topic = app.topic(name, value_deserializer="bytes", key_deserializer="bytes")
        app.dataframe(topic).apply(worker(decode)).to_topic(scores)
    return app


def main() -> None:
    """Run one of them until it has read all."""
    engine, broker, sources, output, redis_url, model_file, warm, events = sys.argv[1:9]
    calls, transfers = sources.split(",")
    booster = lightgbm.Booster(model_file=model_file)
    job = Job(broker, calls, transfers, output, redis_url, booster)
    stopwatch = Stopwatch(f"usual-{engine}", int(events), int(warm))
    if engine == "quix":
        with_quix(job, stopwatch).run()
    else:
        app = with_faust(job, stopwatch)
        sys.argv = ["faust", "worker", "--without-web", "-l", "error"]
        app.main()


if __name__ == "__main__":
    main()
