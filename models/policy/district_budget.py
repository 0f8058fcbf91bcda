"""How many warnings each district had within the budget's window, counted by one worker.

The count lives in the process and starts anew with it: after a restart a district may get more
warnings than its budget for one window, never fewer. A worker sees its share of the partitions only,
so a district's budget is divided by the number of workers in the policy file.
"""

from collections import deque

MAX_DISTRICTS = 10_000
_HOUR_MS = 3_600_000


class DistrictSpending:
    """Warnings by district in hours of event time, over a window of ``window_hours``."""

    def __init__(self, window_hours: int) -> None:
        self._window_hours = window_hours
        self._hours: dict[str, deque[tuple[int, int]]] = {}

    def note(self, district: str, event_time_ms: int) -> None:
        """Count one warning."""
        if district not in self._hours and len(self._hours) >= MAX_DISTRICTS:
            return  # an unbounded set of districts is a fault of the source, not a reason to grow
        hours = self._hours.setdefault(district, deque())
        hour = event_time_ms // _HOUR_MS
        if hours and hours[-1][0] >= hour:
            hours[-1] = (hours[-1][0], hours[-1][1] + 1)
        else:
            hours.append((hour, 1))
            if len(hours) > self._window_hours + 1:
                hours.popleft()

    def spent(self, district: str, event_time_ms: int) -> int:
        """Warnings of this district in the window that ends now."""
        first = event_time_ms // _HOUR_MS - self._window_hours
        return sum(count for hour, count in self._hours.get(district, ()) if hour > first)
