"""A question of a bank, and the time that is left to answer it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from forewarn.contracts import Transfer

KEEP_RESERVE_SECONDS, KEEP_RESERVE_SHARE = 0.02, 0.1
"""Before the deadline, for keeping the fallback; the shorter of both. An answer that is not kept when it is given
may be lost with its replica, and the next replica would give another."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question of a bank.

    Attributes:
        event: the attempted transfer.
        arrived: when its last byte came, monotonic seconds.
        deadline_seconds: from its arrival.
        accept_late: the event is to be recorded even if Kafka is away now.
    """

    event: Transfer
    arrived: float
    deadline_seconds: float
    accept_late: bool = False

    @property
    def until(self) -> float:
        """When it has to be answered, monotonic seconds."""
        return self.arrived + self.deadline_seconds


@dataclass(slots=True)
class PendingQuestion:
    """A question that is being answered, by its names.

    Attributes:
        question: the first one of this transfer.
        identity: of the transfer.
        digest: of the request.
        until: when it has to be answered, monotonic seconds; the same question may come again and ask for less.
    """

    question: Question
    identity: bytes
    digest: bytes
    until: float = field(init=False)
    _bound: asyncio.Timeout | None = field(init=False, default=None)
    _spare_seconds: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self.until = self.question.until

    @property
    def reserve_seconds(self) -> float:
        """Time before the deadline that belongs to the keeping of the answer."""
        return min(KEEP_RESERVE_SECONDS, KEEP_RESERVE_SHARE * self.question.deadline_seconds)

    def left(self, spare_seconds: float = 0.0) -> float:
        """Seconds until so long before the deadline; zero if that is over."""
        return max(0.0, self.until - spare_seconds - time.monotonic())

    def hasten(self, until: float) -> None:
        """Answer by then already; what is waited for now ends earlier, too."""
        if until >= self.until:
            return
        self.until = until
        if self._bound is not None and not self._bound.expired():
            when = asyncio.get_running_loop().time() + self.left(self._spare_seconds)
            self._bound.reschedule(when)

    @asynccontextmanager
    async def bounded(
        self, spare_seconds: float, least_seconds: float = 0.0
    ) -> AsyncIterator[None]:
        """Raise TimeoutError so long before the deadline.

        Args:
            spare_seconds: before the deadline; after it if negative.
            least_seconds: that pass at least, unless the question is hastened.
        """
        async with asyncio.timeout(max(least_seconds, self.left(spare_seconds))) as bound:
            self._bound, self._spare_seconds = bound, spare_seconds
            try:
                yield
            finally:
                self._bound = None
