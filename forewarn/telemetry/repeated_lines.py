"""A bound on what libraries log over and over while a server is away."""

import logging
import time
from collections.abc import Callable
from typing import Final

INTERVAL_SECONDS: Final = 1.0
MAX_KINDS: Final = 1000
"""Kinds of lines that are remembered; with more, all are forgotten."""

OWN: Final = ("forewarn", "features", "models", "streams", "alerting")
"""Packages whose lines all count: each says something of one event, one batch or one case."""


class RepeatedLines(logging.Filter):
    """Lets one line of a kind pass in each interval, with the number of those that were left out before it.

    A kind is the logger, the level and the text before its values are filled in. While a broker restarts, aiokafka 0.14
    logs some 400 lines a second, which took a worker's time and hid what else it said.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._passed: dict[tuple[str, int, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line passes; adds the number of lines like it that did not."""
        if record.name.partition(".")[0] in OWN:
            return True
        kind, now = (record.name, record.levelno, str(record.msg)), self._clock()
        passed_at, left_out = self._passed.get(kind, (now - INTERVAL_SECONDS, 0))
        if now - passed_at < INTERVAL_SECONDS:
            self._passed[kind] = (passed_at, left_out + 1)
            return False
        if len(self._passed) >= MAX_KINDS:
            self._passed.clear()
        self._passed[kind] = (now, 0)
        if left_out:
            record.msg = f"{record.getMessage()} ({left_out} lines like it left out)"
            record.args = ()
        return True
