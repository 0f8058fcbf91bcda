"""The Faust app: three ordinary agents that hand fetched records to the lanes.

An agent acknowledges nothing itself. It waits only while a partition's buffer is full, which is
how back-pressure reaches the transport; the lane acknowledges a message once its outputs are
acknowledged. If an agent raises, the whole worker stops (``CrashingSupervisor``): with the default
supervisor Faust would continue to acknowledge events that were not processed.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import faust
from mode import CrashingSupervisor

from forewarn.contracts.topics import SOURCES, qualified
from forewarn.errors import ConfigurationError
from forewarn.platform.settings import KafkaSettings, WorkerSettings
from streams.transport import ChunkLimits, FetchedRecords


class Intake(Protocol):
    """Receives fetched records from the agents."""

    async def receive(
        self, source: int, fetched: FetchedRecords, acknowledge: Callable[[], None]
    ) -> None:
        """Queue records; returns when there is room for the next."""


def create_app(
    kafka: KafkaSettings,
    worker: WorkerSettings,
    intake: Intake,
    *,
    broker_options: dict[str, object],
) -> faust.App:
    """Build the app; it connects when it is started.

    Args:
        kafka: names the topics.
        worker: group, intervals and directories.
        intake: receives the records.
        broker_options: ``broker`` and ``broker_credentials`` as Faust wants them.

    Raises:
        ConfigurationError: if static membership is set, which Faust takes from the environment.
    """
    app = faust.App(
        worker.group,
        **broker_options,
        autodiscover=False,
        broker_commit_interval=worker.commit_interval_seconds,
        # The default of a minute would leave people without warnings for a minute after a crash.
        broker_heartbeat_interval=worker.session_seconds / 5,
        broker_max_poll_records=None,
        broker_session_timeout=worker.session_seconds,
        consumer_auto_offset_reset="earliest",
        datadir=str(worker.data_dir),
        key_serializer="raw",
        # Fetched chunks that may wait in an agent's queue; the transport bounds their events, and
        # the partition buffers bound the events behind the agents.
        stream_buffer_maxsize=16,
        # On SIGTERM and on rebalance, finish the chunks in hand first.
        stream_wait_empty=True,
        store="memory://",
        topic_allow_declare=False,
        topic_disable_leader=True,
        topic_partitions=kafka.partitions,
        value_serializer="raw",
        web_enabled=False,
        worker_redirect_stdouts=False,
    )
    if app.conf.consumer_group_instance_id:
        # aiokafka 0.14 fences no member: two members with one id both read, and count, everything.
        raise ConfigurationError(
            "CONSUMER_GROUP_INSTANCE_ID is set: workers do not support static membership.",
            hint="Remove it from the environment; a worker that stops gives its partitions away at once.",
        )
    # A drain that the transport ends still commits, which one ended by the worker's timer does not.
    app.transport.limits = ChunkLimits(drain_seconds=0.75 * worker.drain_seconds)
    for source, name in enumerate(SOURCES):
        topic = app.topic(
            qualified(name, kafka), key_type=bytes, value_type=bytes, value_serializer="raw"
        )
        app.agent(
            topic, name=f"forewarn.{name}", supervisor_strategy=CrashingSupervisor, concurrency=1
        )(_agent(source, intake))
    return app


def _agent(source: int, intake: Intake) -> Callable[[object], Awaitable[None]]:
    async def agent(stream: Any) -> None:
        async for event in stream.noack().events():
            await intake.receive(source, event.value, event.ack)

    return agent
