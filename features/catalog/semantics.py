"""The numbers that define features: windows, spans, thresholds, how much is remembered.

All of them are hashed into the catalog's fingerprint, so a model that was trained with other numbers is
refused. A change of code that changes a value raises ``SEMANTICS_VERSION`` instead; a golden test holds that.
"""

from typing import Final

import numpy as np

SEMANTICS_VERSION: Final = 6

SECOND_MS: Final = 1_000
MINUTE_MS: Final = 60_000
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000

# Windows. A window of n tiles of t ms holds the tile that contains now and the n - 1 before it.
WINDOWS: Final = ("1m", "5m", "15m", "1h", "6h", "24h", "7d", "30d")
W_1M, W_5M, W_15M, W_1H, W_6H, W_24H, W_7D, W_30D = range(8)
WINDOW_TILE_MS: Final = np.array(
    [10_000, 60_000, 60_000, 600_000, 600_000, HOUR_MS, DAY_MS, 3 * DAY_MS], dtype=np.int64
)
WINDOW_TILES: Final = np.array([6, 5, 15, 6, 36, 24, 7, 10], dtype=np.int64)
N_WINDOWS: Final = 8

# Distinct counterparties are counted over these windows.
DISTINCT_WINDOWS: Final = np.array([W_1H, W_24H, W_7D, W_30D], dtype=np.int64)
N_DISTINCT: Final = 4
SKETCH_BUCKETS: Final = 512

# What a record remembers.
PAIR_CAPACITY: Final = np.array([[24, 24], [12, 0], [12, 0], [12, 0]], dtype=np.int64)
"""Counterparties by kind of record and table; subscribers keep numbers and accounts apart."""
ONE_OFF_PLACES: Final = 12
"""Places of a subscriber's table that regulars never take from counterparties met once."""
REGULAR_CONTACTS: Final = 2
REGULAR_MINUTES: Final = 24 * 60
"""A regular was met that often, or over that span."""
N_SEEN: Final = 4
N_OPEN_CALLS: Final = 2
N_CALLS: Final = 4
N_TRANSFERS: Final = 8
SETTLED_KEPT: Final = 4
"""Settled transfers among those; the other places are for transfers in flight."""
N_CASES_OWN: Final = 4
N_CASES_SHARED: Final = 8
REMEMBER_MS: Final = DAY_MS
"""How long a call, or a transfer that settled soon, is remembered for duplicates and corrections."""
UNSETTLED_MS: Final = 3 * DAY_MS
"""The same for a transfer that did not settle soon: law may delay payments by a day."""
SETTLED_SOON_MS: Final = HOUR_MS

# Calls.
NIGHT_FROM_HOUR, NIGHT_TO_HOUR = 23, 6
SHORT_CALL_S: Final = 10
LONG_CALL_S: Final = 600
OPEN_CALL_MAX_MS: Final = 4 * HOUR_MS

# Suspicion against a number.
YOUNG_PAIR_MINUTES: Final = 24 * 60
FRESH_NUMBER_DAYS: Final = 2.0
WIDE_FAN_OUT: Final = 20.0
MOSTLY_SHORT: Final = 0.5
CONFIRMED_LEVEL: Final = 3
MAX_LEVEL: Final = 7
SUSPECT_LEVEL: Final = 2
DOUBT_MINUTES: Final = 30 * 24 * 60
"""How long after the first contact the level of a suspicious call stays with the pair."""

# Second degree.
PRESSED_MS: Final = HOUR_MS
TAINT_MS: Final = 7 * DAY_MS
VICTIM_MS: Final = 30 * DAY_MS

# Decaying risk of a number, an account or a device.
RISK_WEIGHTS: Final = np.array([12, 3, 1], dtype=np.int64)
"""What a confirmation or a contact adds in the windows of 24 hours, 7 days and 30 days: 16 on its first day, 4 in
its first week, 1 in its first month."""
RISK_PRIOR: Final = 16
"""Contacts that every record is taken to have had, with that weight: one of today."""

# The stage machine.
STAGE_TTL_MS: Final = 3 * DAY_MS
LATE_STAGE: Final = 3
STAGES: Final = (
    "none",
    "contact",
    "long_call",
    "isolation",
    "funding",
    "new_payee",
    "escalating",
)
