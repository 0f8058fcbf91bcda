"""Findings about any server: how long its answers take, and how far its clock is from ours."""

import time
from collections.abc import Callable
from statistics import median

from forewarn.local.diagnosis import MachineFinding

ASKED = 5
"""How often a server is asked for its latency; the median is shown."""
SLOW_MS = 20.0
"""A server of the same data centre answers within one; the pipeline asks Redis twice a batch."""
SKEW_MS_MAX = 5_000


def skew_finding(what: str, theirs_ms: float, before_ms: int, after_ms: int) -> MachineFinding:
    """Compare a server's clock with ours; ``theirs_ms`` was read between the two moments."""
    skew_ms = max(before_ms - theirs_ms, theirs_ms - after_ms, 0)
    side = "ahead of" if theirs_ms > after_ms else "behind"
    if skew_ms <= SKEW_MS_MAX:
        return MachineFinding("ok", f"clock of {what}", f"{skew_ms / 1000:.1f} s from ours")
    remedy = "Let both machines follow a time server: deadlines and signatures go by these clocks"
    found = f"{skew_ms / 1000:.1f} s {side} ours"
    return MachineFinding("missing", f"clock of {what}", found, remedy)


def latency_finding(what: str, seconds: list[float], note: str = "") -> MachineFinding:
    """The median of some answers."""
    ms = median(seconds) * 1000
    found = f"answers in {ms:.1f} ms{note}"
    if ms <= SLOW_MS:
        return MachineFinding("ok", what, found)
    return MachineFinding(
        "note", what, found, "Put it into the same data centre, or look for load on it"
    )


def timed(ask: Callable[[], object]) -> list[float]:
    """Seconds that each of a few answers took."""
    seconds = []
    for _ in range(ASKED):
        began = time.perf_counter()
        ask()
        seconds.append(time.perf_counter() - began)
    return seconds
