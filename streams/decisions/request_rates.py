"""Rates of keys: one token bucket for each key and kind of request, in bounded memory."""

from collections import OrderedDict

MAX_BUCKETS = 10_000


class RequestRates:
    """Counts requests of keys on this replica; the rate over all replicas is that much higher.

    A bucket holds one second's worth of requests, at least one.
    """

    def __init__(self) -> None:
        self._buckets: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    def take(self, key_id: str, kind: str, per_second: float, now: float) -> float:
        """Take one request; returns 0.0 if it may be made, else the seconds until one may.

        Args:
            key_id: of the key.
            kind: of the request.
            per_second: rate of the key.
            now: monotonic seconds.
        """
        burst = max(1.0, per_second)
        tokens, at = self._buckets.pop((key_id, kind), (burst, now))
        tokens = min(burst, tokens + max(0.0, now - at) * per_second)
        allowed = tokens >= 1.0
        self._buckets[key_id, kind] = (tokens - 1.0 if allowed else tokens, now)
        if len(self._buckets) > MAX_BUCKETS:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1.0 - tokens) / per_second
