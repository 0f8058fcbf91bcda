"""A question of a bank, and the time that is left to answer it."""

import asyncio
import time
from dataclasses import dataclass, field
from math import inf
from types import TracebackType

from forewarn.contracts import Transfer

KEEP_RESERVE_SECONDS, KEEP_RESERVE_SHARE = 0.02, 0.1
"""Before the deadline, for keeping the fallback in Redis; the shorter of both. What Redis does not take by the deadline
goes to the other replicas over Kafka."""


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
        wait: the bound of what is waited for now, None for nothing.
        spare_seconds: how long before the deadline that wait ends.
    """

    question: Question
    identity: bytes
    digest: bytes
    until: float = field(init=False)
    wait: asyncio.Timeout | None = field(init=False, default=None)
    spare_seconds: float = field(init=False, default=0.0)

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
        if self.wait is not None and not self.wait.expired():
            when = asyncio.get_running_loop().time() + self.left(self.spare_seconds)
            self.wait.reschedule(when)

    def bounded(
        self, spare_seconds: float, least_seconds: float = 0.0, most_seconds: float = inf
    ) -> "_Bound":
        """A context that raises TimeoutError so long before the deadline.

        Args:
            spare_seconds: before the deadline; after it if negative.
            least_seconds: that pass at least, unless the question is hastened.
            most_seconds: that pass at most.
        """
        seconds = min(most_seconds, max(least_seconds, self.left(spare_seconds)))
        return _Bound(self, spare_seconds, asyncio.timeout(seconds))


class _Bound:
    """One wait of a question: each takes part in every answer, so that it is not made of generators."""

    __slots__ = ("_asked", "_spare_seconds", "_timeout")

    def __init__(
        self, asked: PendingQuestion, spare_seconds: float, timeout: asyncio.Timeout
    ) -> None:
        self._asked, self._spare_seconds, self._timeout = asked, spare_seconds, timeout

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()
        self._asked.wait, self._asked.spare_seconds = self._timeout, self._spare_seconds

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._asked.wait = None
        await self._timeout.__aexit__(kind, error, trace)
