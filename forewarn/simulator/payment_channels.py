"""Channels of payments: drawn for all of them together, from what is paid and how much.

Victims pay as all people do. Were the channel chosen where a payment is written, some pair of
purpose and channel would sooner or later be written by frauds only, and say it all.
"""

import numpy as np

from forewarn.simulator.town_events import Columns
from forewarn.simulator.town_ledger import CHANNELS, PURPOSES
from forewarn.simulator.world import World

SMALL_MINOR, LARGE_MINOR = 10_000, 1_000_000
"""Below the first a payment is small, from the second on large."""

_SHARES: dict[str, tuple[tuple[float, ...], ...]] = {
    # small, middling, large: app, web, counter, atm, pos, phone
    "transfer": (
        (0.780, 0.040, 0.005, 0.010, 0.160, 0.005),
        (0.880, 0.050, 0.020, 0.020, 0.020, 0.010),
        (0.780, 0.095, 0.085, 0.020, 0.010, 0.010),
    ),
    "purchase": (
        (0.700, 0.060, 0.000, 0.000, 0.240, 0.000),
        (0.660, 0.110, 0.005, 0.000, 0.220, 0.005),
        (0.560, 0.160, 0.040, 0.000, 0.230, 0.010),
    ),
    "bill": ((0.800, 0.090, 0.060, 0.020, 0.010, 0.020),) * 3,
    "cash": ((0.000, 0.000, 0.030, 0.970, 0.000, 0.000),) * 2
    + ((0.000, 0.000, 0.300, 0.700, 0.000, 0.000),),
}
"""Assumed; a purpose without a row is paid like a transfer."""


def choose_channels(world: World, postings: Columns) -> None:
    """Draw the channel of every payment that leaves an account."""
    rng = world.scenario.rng("channels")
    band = np.searchsorted([SMALL_MINOR, LARGE_MINOR], postings["amount_minor"], side="right")
    draw = rng.random(band.size)
    for code, purpose in enumerate(PURPOSES):
        for size, shares in enumerate(_SHARES.get(purpose, _SHARES["transfer"])):
            rows = np.flatnonzero(
                postings["outgoing"].astype(bool) & (postings["purpose"] == code) & (band == size)
            )
            bounds = np.cumsum(shares)[: len(CHANNELS) - 1]
            postings["channel"][rows] = np.searchsorted(bounds, draw[rows], side="right")
