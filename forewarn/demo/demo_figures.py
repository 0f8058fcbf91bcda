"""The figures of a demonstration, gathered by several threads and read as one value."""

import threading
from collections import Counter, deque
from dataclasses import dataclass, field

import numpy as np

RATE_SECONDS = 5.0
LATENCIES_KEPT = 20_000


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The figures at one moment; latencies in seconds, money in minor units."""

    sent: int = 0
    per_second: float = 0.0
    event_time_ms: int = 0
    warnings: dict[tuple[str, str], int] = field(default_factory=dict)
    messages: int = 0
    p50_seconds: float | None = None
    p99_seconds: float | None = None
    first_warning_seconds: float | None = None
    dispositions: dict[str, int] = field(default_factory=dict)


class Figures:
    """Collects; every method may be called from any thread."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._sent = 0
        self._event_time_ms = 0
        self._recent: deque[tuple[float, int]] = deque()
        self._warnings: Counter[tuple[str, str]] = Counter()
        self._messages = 0
        self._latencies: deque[float] = deque(maxlen=LATENCIES_KEPT)
        self._began: float | None = None
        self._first_warning: float | None = None
        self._dispositions: Counter[str] = Counter()

    def began(self, now: float) -> None:
        """Streaming begins now, in monotonic seconds."""
        with self._guard:
            self._began = now

    def sent(self, total: int, event_time_ms: int, now: float) -> None:
        """Set the number of records that were sent."""
        with self._guard:
            self._sent, self._event_time_ms = total, event_time_ms
            self._recent.append((now, total))
            while now - self._recent[0][0] > RATE_SECONDS:
                self._recent.popleft()

    def warned(
        self, typology: str, severity: str, *, new: bool, latency: float, now: float
    ) -> None:
        """A message on the warnings topic; ``latency`` from append to append, in seconds."""
        with self._guard:
            self._messages += 1
            self._latencies.append(latency)
            if new:
                self._warnings[typology, severity] += 1
            if self._first_warning is None and self._began is not None:
                self._first_warning = now - self._began

    def closed(self, disposition: str) -> None:
        """A case was closed."""
        with self._guard:
            self._dispositions[disposition] += 1

    def snapshot(self) -> Snapshot:
        """Everything as it stands."""
        with self._guard:
            rate = 0.0
            if len(self._recent) > 1:
                (then, before), (now, after) = self._recent[0], self._recent[-1]
                rate = (after - before) / max(now - then, 1e-9)
            p50 = p99 = None
            if self._latencies:
                p50, p99 = (float(x) for x in np.percentile(self._latencies, (50, 99)))
            return Snapshot(
                sent=self._sent,
                per_second=rate,
                event_time_ms=self._event_time_ms,
                warnings=dict(self._warnings),
                messages=self._messages,
                p50_seconds=p50,
                p99_seconds=p99,
                first_warning_seconds=self._first_warning,
                dispositions=dict(self._dispositions),
            )
