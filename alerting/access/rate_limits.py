"""Rate limits: token buckets in bounded memory.

Each replica counts for itself, so the rate over all is the limit times the replicas; what must
hold over all of them (failed sign-ins) is counted in the database by ``lockout``.
"""

import ipaddress
import threading
from collections import OrderedDict
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """``burst`` requests at once, then ``per_second`` on average."""

    burst: float
    per_second: float


class RateLimiter:
    """One bucket a key; the keys that were quiet longest are forgotten beyond ``max_keys``.

    Forgetting gives a key its burst back, which matters only to an attacker who controls more addresses
    than there are buckets, and such a one needs no burst.
    """

    def __init__(self, rate: Rate, *, max_keys: int = 10_000) -> None:
        self._rate = rate
        self._max_keys = max_keys
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def take(self, key: str, now_ms: int) -> float:
        """Take one token; returns 0.0 if there was one, else the seconds until there is."""
        with self._lock:
            tokens = self._level(key, now_ms)
            wait = 0.0 if tokens >= 1 else (1 - tokens) / self._rate.per_second
            self._buckets[key] = (tokens - 1 if tokens >= 1 else tokens, now_ms)
            self._buckets.move_to_end(key)
            if len(self._buckets) > self._max_keys:
                self._buckets.popitem(last=False)
            return wait

    def __len__(self) -> int:
        return len(self._buckets)

    def _level(self, key: str, now_ms: int) -> float:
        tokens, at_ms = self._buckets.get(key, (self._rate.burst, now_ms))
        earned = max(0, now_ms - at_ms) / 1000 * self._rate.per_second
        return min(self._rate.burst, tokens + earned)


def network_of(address: str) -> str:
    """What an address counts as: itself, or for IPv6 the /64, of which one customer has them all."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(parsed), 64), strict=False))
