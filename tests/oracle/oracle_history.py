"""What the oracle remembers: everything. Windows are found by scanning."""

import math
from dataclasses import dataclass, field

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000

WINDOWS = {  # tile length and number of tiles, as docs/event-time.md says
    "1m": (10 * SECOND, 6),
    "5m": (MINUTE, 5),
    "15m": (MINUTE, 15),
    "1h": (10 * MINUTE, 6),
    "6h": (10 * MINUTE, 36),
    "24h": (HOUR, 24),
    "7d": (DAY, 7),
    "30d": (3 * DAY, 10),
}


def in_window(window: str, then_local: int, now_local: int) -> bool:
    """Whether a moment lies in one of the window's tiles."""
    tile, tiles = WINDOWS[window]
    return then_local // tile > now_local // tile - tiles


@dataclass
class Contributions:
    """Every amount ever added to a channel, with its local time."""

    entries: list[tuple[str, int, int]] = field(default_factory=list)

    def add(self, channel: str, local: int, value: int) -> None:
        self.entries.append((channel, local, value))

    def forget(self, channel: str) -> None:
        self.entries = [entry for entry in self.entries if entry[0] != channel]

    def _of(self, channel: str, window: str, now: int) -> list[int]:
        return [v for c, t, v in self.entries if c == channel and in_window(window, t, now)]

    def total(self, channel: str, window: str, now: int) -> int:
        return sum(self._of(channel, window, now))

    def largest(self, channel: str, window: str, now: int) -> int:
        return max([0, *self._of(channel, window, now)])

    def more(self, one: str, other: str, window: str, now: int) -> int:
        return max(self.total(one, window, now), self.total(other, window, now))

    def ratio(self, above: str, below: str, window: str, now: int) -> float:
        under = self.total(below, window, now)
        return self.total(above, window, now) / under if under else math.nan


@dataclass
class Contact:
    who: int
    first: int  # minutes
    last: int
    count: int = 0
    amount: int = 0
    level: int = 0  # the highest of a suspicious call
    harmless: bool = False
    called_in: bool = False

    def level_at(self, minute: int) -> int:
        """It stays with the pair for 30 days after the first contact."""
        return self.level if minute - self.first <= 30 * 1440 else 0

    def is_regular(self, minute: int) -> bool:
        return self.count >= 2 or self.last - self.first >= 1440 or self.level_at(minute) > 0


@dataclass
class Contacts:
    """The most recent counterparties, and for the sketch everyone's last minute."""

    capacity: int
    sketched: bool
    table: list[Contact] = field(default_factory=list)
    everyone: dict[int, int] = field(default_factory=dict)

    def find(self, who: int) -> Contact | None:
        return next((c for c in self.table if c.who == who), None)

    def touch(self, who: int, minute: int, clock: int) -> Contact | None:
        """A contact at ``minute``; ``clock`` is the record's, in milliseconds."""
        self.everyone[who] = max(minute, self.everyone.get(who, 0))
        known = self.find(who)
        if known:
            known.first, known.last = min(known.first, minute), max(known.last, minute)
            return known
        fresh = Contact(who, minute, minute)
        if len(self.table) < self.capacity:
            self.table.append(fresh)
            return fresh
        oldest = min(self._may_go(clock // MINUTE), key=lambda c: c.last)
        if minute < oldest.last:
            return None
        self.table[self.table.index(oldest)] = fresh
        return fresh

    def _may_go(self, now: int) -> list[Contact]:
        if self.sketched:  # shared records do not care who is who
            return self.table
        once = [c for c in self.table if not c.is_regular(now)]
        return once if len(once) >= 12 else [c for c in self.table if c.is_regular(now)]

    def distinct(self, window: str, now: int, offset: int) -> float:
        held = [c.who for c in self.table if in_window(window, c.last * MINUTE + offset, now)]
        if not self.sketched:
            return len(held)
        seen = [w for w, m in self.everyone.items() if in_window(window, m * MINUTE + offset, now)]
        if len(seen) <= self.capacity:
            return len(seen)
        buckets = {who % 512 for who in seen}
        if buckets == {who % 512 for who in held}:  # the sketch cannot tell who else there was
            return self.capacity
        estimate = 512 * math.log(512 / max(512 - len(buckets), 0.5))
        return max(self.capacity + 1, estimate)


def since(now: int, then: int, unit: int) -> float:
    return (now - then) / unit if then > 0 else math.nan


@dataclass
class Cases:
    """The last cases that a record heard of, the newest first: case, revision, verdict."""

    most: int
    known: list[list] = field(default_factory=list)

    def hear(self, case: int, revision: int, verdict: str) -> str | None:
        """The verdict before; None for a revision that is not higher than the known one."""
        for entry in self.known:
            if entry[0] == case:
                if revision <= entry[1]:
                    return None
                before = entry[2]
                entry[1:] = [revision, verdict]
                return before
        self.known = [[case, revision, verdict], *self.known][: self.most]
        return "none"

    def is_outdated(self, case: int, revision: int) -> bool:
        return any(entry[0] == case and revision < entry[1] for entry in self.known)
