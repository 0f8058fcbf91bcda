"""A Faust app for tests: writes one line for each record that it has handled, then acknowledges.

Run as a process: ``python journalling_app.py ARGUMENTS`` where ARGUMENTS is a JSON object with
group, topics, file, delay_seconds (how long a chunk takes), log_level and, if the app wants to be
assigned, listens; where the broker is and
how to log in come from the environment, as for the real worker. Lines are JSON arrays ``[topic,
partition, offset, value]``; those of a chunk are on disk before its ack.
"""

import asyncio
import json
import sys
from pathlib import Path

import faust
from mode.supervisors import CrashingSupervisor

from forewarn.platform.kafka import faust_credentials
from forewarn.platform.settings import KafkaSettings, load
from streams.transport import ChunkLimits, Partition


class Turns:
    """Writes down what the transport tells about partitions, and lets work end before it leaves."""

    def __init__(self, file: Path) -> None:
        self.working = asyncio.Lock()
        self._file = file.open("a")

    def _write(self, turn: str, partitions: frozenset[Partition]) -> None:
        self._file.write(json.dumps([turn, sorted(partitions)]) + "\n")
        self._file.flush()

    async def on_assigned(self, partitions: frozenset[Partition]) -> None:
        self._write("assigned", partitions)

    async def on_revoked(self, partitions: frozenset[Partition]) -> None:
        async with self.working:
            self._write("revoked", partitions)


def make_app(arguments: dict) -> faust.App:
    kafka = load(KafkaSettings)
    app = faust.App(
        arguments["group"],
        broker=f"chunked://{kafka.bootstrap_servers}",
        broker_credentials=faust_credentials(kafka),
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
    turns = Turns(Path(arguments["file"] + ".turns"))
    if arguments.get("listens"):
        app.transport.listener = turns
    handled = Path(arguments["file"]).open("a")  # noqa: SIM115  open as long as the process

    @app.agent(source)
    async def handle(stream):
        async for event in stream.noack().events():
            chunk = event.value
            async with turns.working:
                await asyncio.sleep(arguments["delay_seconds"])
                for record in chunk:
                    line = [chunk.topic, chunk.partition, record.offset, record.value.decode()]
                    handled.write(json.dumps(line) + "\n")
                handled.flush()
                event.ack()

    return app


if __name__ == "__main__":
    arguments = json.loads(sys.argv[1])
    app = make_app(arguments)
    sys.argv = [sys.argv[0], "worker", "--without-web", "-l", arguments["log_level"]]
    app.main()
