"""Counts of one worker's warnings within the budget's window, by district and in all, and by tenant and hour.

The count lives in the process and restarts with it: after a restart a district or tenant may get more
warnings than its budget for one window, never fewer. A worker sees its share of the partitions only,
so a budget is divided by the number of workers in the policy file.
"""

from collections import deque
from collections.abc import Iterable

MAX_DISTRICTS = 10_000
MAX_TENANTS = 1_000
HOUR_MS = 3_600_000


class DistrictSpending:
    """Warnings by district, and in all, in hours of event time over a window of ``window_hours``.

    Those of a tenant are counted by the hour of the clock, since its budget is one of warnings an hour.
    """

    def __init__(self, window_hours: int) -> None:
        self._window_hours = window_hours
        self._hours: dict[str, deque[tuple[int, int]]] = {}
        self._all: deque[tuple[int, int]] = deque()
        self._tenants: dict[str, tuple[int, int]] = {}

    def note(self, district: str, event_time_ms: int, tenant: str = "default") -> None:
        """Count one warning."""
        self._add(self._all, event_time_ms)
        self._add_to_tenant(tenant, event_time_ms)
        if district not in self._hours and len(self._hours) >= MAX_DISTRICTS:
            return  # an unbounded set of districts is a fault of the source, not a reason to grow
        self._add(self._hours.setdefault(district, deque()), event_time_ms)

    def spent(self, district: str, event_time_ms: int) -> int:
        """Warnings of this district in the window that ends now."""
        return self._count(self._hours.get(district, ()), event_time_ms)

    def spent_in_all(self, event_time_ms: int) -> int:
        """Warnings of all districts in the window that ends now."""
        return self._count(self._all, event_time_ms)

    def spent_by_tenant(self, tenant: str, event_time_ms: int) -> int:
        """Warnings of this tenant in the hour of the clock that event time is in; of an earlier one, none."""
        hour, count = self._tenants.get(tenant, (0, 0))
        return count if hour == event_time_ms // HOUR_MS else 0

    def _add_to_tenant(self, tenant: str, event_time_ms: int) -> None:
        if tenant not in self._tenants and len(self._tenants) >= MAX_TENANTS:
            return  # likewise, a set of tenants without a bound is a fault of the source
        newest, count = self._tenants.get(tenant, (0, 0))
        hour = event_time_ms // HOUR_MS
        if hour > newest:
            self._tenants[tenant] = (hour, 1)
        elif hour == newest:  # a late event of an hour that is over has no budget to spend
            self._tenants[tenant] = (hour, count + 1)

    def _add(self, hours: deque[tuple[int, int]], event_time_ms: int) -> None:
        hour = event_time_ms // HOUR_MS
        if hours and hours[-1][0] >= hour:
            hours[-1] = (hours[-1][0], hours[-1][1] + 1)
        else:
            hours.append((hour, 1))
            if len(hours) > self._window_hours + 1:
                hours.popleft()

    def _count(self, hours: Iterable[tuple[int, int]], event_time_ms: int) -> int:
        first = event_time_ms // HOUR_MS - self._window_hours
        return sum(count for hour, count in hours if hour > first)
