"""How long a question may wait for what."""

import asyncio
import time

import pytest

from streams.decisions.pending_question import PendingQuestion, Question
from tests.streams.decisions.bank import payment


def pending(seconds: float, unread_seconds: float = 0.0) -> PendingQuestion:
    arrived = time.monotonic() - unread_seconds
    return PendingQuestion(Question(payment(), arrived, seconds), b"", b"")


@pytest.mark.parametrize(("seconds", "reserve"), [(0.3, 0.02), (5.0, 0.02), (0.1, 0.01)])
def test_the_workers_leave_time_to_keep_the_fallback(seconds: float, reserve: float) -> None:
    """What is kept by the deadline is the same from the next replica, whatever happens to this one."""
    assert pending(seconds).reserve_seconds == pytest.approx(reserve)
    assert pending(seconds).left(reserve) <= seconds - reserve


def test_the_deadline_counts_from_the_arrival() -> None:
    assert 0.0 < pending(600.0, unread_seconds=599.0).left() <= 1.0
    assert pending(600.0, unread_seconds=601.0).left() == 0.0


async def test_a_wait_ends_earlier_once_the_question_is_hastened() -> None:
    asked = pending(600.0)

    async def hasten() -> None:
        asked.hasten(time.monotonic())

    hastening = asyncio.ensure_future(hasten())
    async with asyncio.timeout(60):
        with pytest.raises(TimeoutError):
            async with asked.bounded(0.02):
                await asyncio.Event().wait()
        await hastening
    assert asked.left() == 0.0


async def test_a_later_deadline_changes_nothing() -> None:
    asked = pending(600.0)
    before = asked.until
    async with asked.bounded(0.0):
        asked.hasten(before + 1.0)
    assert asked.until == before


async def test_what_is_bounded_from_below_has_that_time_after_the_deadline_too() -> None:
    asked = pending(1.0, unread_seconds=2.0)
    async with asked.bounded(0.0, least_seconds=600.0):
        await asyncio.sleep(0)
    with pytest.raises(TimeoutError):
        async with asked.bounded(0.0):
            await asyncio.Event().wait()
