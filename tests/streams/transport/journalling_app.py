"""A Faust app for tests: writes one line for each record that it has handled, then acknowledges.

Run as a process: ``python journalling_app.py ARGUMENTS`` where ARGUMENTS is a JSON object with
broker, group, topics, file and delay_seconds (how long a chunk takes). Lines are JSON arrays
``[topic, partition, offset, value]``; those of a chunk are on disk before its ack.
"""

import asyncio
import json
import sys
from pathlib import Path

import faust
from mode.supervisors import CrashingSupervisor

from streams.transport import ChunkLimits


def make_app(arguments: dict) -> faust.App:
    app = faust.App(
        arguments["group"],
        broker=f"chunked://{arguments['broker']}",
        value_serializer="raw",
        key_serializer="raw",
        consumer_auto_offset_reset="earliest",
        topic_disable_leader=True,
        topic_allow_declare=False,
        stream_wait_empty=True,
        web_enabled=False,
        broker_session_timeout=6.0,
        broker_heartbeat_interval=1.0,
        broker_commit_interval=0.5,
        datadir=arguments["file"] + "-data",
        agent_supervisor=CrashingSupervisor,
    )
    app.transport.limits = ChunkLimits(chunk_records=50, partition_chunks=2)
    source = app.topic(
        *arguments["topics"], value_type=bytes, value_serializer="raw", key_serializer="raw"
    )
    handled = Path(arguments["file"]).open("a")  # noqa: SIM115  open as long as the process

    @app.agent(source)
    async def handle(stream):
        async for event in stream.noack().events():
            chunk = event.value
            await asyncio.sleep(arguments["delay_seconds"])
            for record in chunk:
                line = [chunk.topic, chunk.partition, record.offset, record.value.decode()]
                handled.write(json.dumps(line) + "\n")
            handled.flush()
            event.ack()

    return app


if __name__ == "__main__":
    app = make_app(json.loads(sys.argv[1]))
    sys.argv = [sys.argv[0], "worker", "--without-web", "-l", "warn"]
    app.main()
