"""Circuit breakers: a gateway that is down gets no messages for a while, then one as a probe.

Without a breaker, many deliveries would each wait for the same time-out while deliveries to other
gateways wait behind them.
"""

import threading
from dataclasses import dataclass

from alerting.service_metrics import BREAKER_OPEN


@dataclass(slots=True)
class _State:
    failures: int = 0
    open_until_ms: int = 0
    probing: bool = False


class Breakers:
    """One breaker per gateway.

    Args:
        threshold: failures in a row that open it.
        open_seconds: how long it stays open before one message may try.
    """

    def __init__(self, *, threshold: int = 5, open_seconds: float = 15.0) -> None:
        self._threshold = threshold
        self._open_ms = int(open_seconds * 1000)
        self._states: dict[str, _State] = {}
        self._lock = threading.Lock()

    def retry_ms(self, gateway: str, now_ms: int) -> int | None:
        """When to try again, in UTC milliseconds, if the breaker is open; else None.

        While the breaker is half open, one caller gets None: its message is the probe, and the
        caller has to report the result.
        """
        with self._lock:
            state = self._states.get(gateway)
            if state is None or state.failures < self._threshold:
                return None
            if now_ms < state.open_until_ms:
                return state.open_until_ms
            if state.probing:
                return now_ms + self._open_ms
            state.probing = True
            return None

    def succeeded(self, gateway: str) -> None:
        """Close the breaker: the gateway answered."""
        with self._lock:
            self._states.pop(gateway, None)
        BREAKER_OPEN.labels(gateway).set(0)

    def failed(self, gateway: str, now_ms: int) -> None:
        """Count a failure; enough of them in a row open the breaker."""
        with self._lock:
            state = self._states.setdefault(gateway, _State())
            state.failures += 1
            state.probing = False
            if state.failures >= self._threshold:
                state.open_until_ms = now_ms + self._open_ms
                BREAKER_OPEN.labels(gateway).set(1)
