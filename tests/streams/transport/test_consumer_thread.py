"""What the thread next to aiokafka does where Kafka is silent, or the group cannot go on."""

import asyncio
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    GroupCoordinatorNotAvailableError,
    KafkaTimeoutError,
)

from streams.transport import ChunkLimits
from streams.transport.consumer_thread import ChunkConsumerThread


def thread_with(coordinator: Any) -> ChunkConsumerThread:
    """A thread whose consumer is assigned one partition and has this coordinator."""
    thread = object.__new__(ChunkConsumerThread)
    thread.transport = SimpleNamespace(limits=ChunkLimits(rewind_timeout_seconds=0.01))
    thread._consumer = Mock(_coordinator=coordinator, assignment=lambda: {("calls", 0)})
    thread.log = Mock()
    return thread


async def test_committed_offsets_are_not_waited_for_without_end() -> None:
    """aiokafka repeats for ever, and Faust gives up on a worker that waits too long, in silence."""

    async def never(_partitions: object) -> None:
        await asyncio.Event().wait()

    thread = thread_with(Mock(fetch_committed_offsets=never))
    async with asyncio.timeout(5):
        with pytest.raises(KafkaTimeoutError, match="committed offsets"):
            await thread._rewind()


def test_the_bound_lies_well_under_that_of_faust() -> None:
    """Faust's is 90 seconds unless set; the drain before it counts, too."""
    limits = ChunkLimits()
    assert limits.rewind_timeout_seconds + limits.drain_seconds < 75


async def test_a_group_that_cannot_go_on_crashes_the_worker_and_a_passing_fault_does_not() -> None:
    """aiokafka keeps both until it is asked, and waits until then."""
    thread = thread_with(Mock(check_errors=Mock(side_effect=GroupAuthorizationFailedError("g"))))
    with pytest.raises(GroupAuthorizationFailedError):
        await thread._check_group()
    passing = GroupCoordinatorNotAvailableError()
    await thread_with(Mock(check_errors=Mock(side_effect=passing)))._check_group()
