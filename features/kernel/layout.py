"""The layout of an entity's state in memory: windows, channels, tables and head fields.

Everything is 64-bit integers. A record has a *head* (scalar fields), up to two *tile series* (part 0
depends on the event alone, part 1 on what the subscriber's step said about it) and up to two *pair
tables*. A change to any number here changes what the same history means: raise ``SEMANTICS_VERSION``,
and ``LAYOUT_VERSION`` of ``features.header`` too if stored records have to be migrated.
"""

from typing import Final

import numpy as np

SEMANTICS_VERSION: Final = 1

SECOND_MS: Final = 1_000
MINUTE_MS: Final = 60_000
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000

# Windows. A window of n tiles of t ms sees the tile that contains now and the n - 1 before it.
WINDOWS: Final = ("1m", "5m", "15m", "1h", "6h", "24h", "7d", "30d")
W_1M, W_5M, W_15M, W_1H, W_6H, W_24H, W_7D, W_30D = range(8)
WINDOW_TILE_MS: Final = np.array(
    [10_000, 60_000, 60_000, 600_000, 600_000, HOUR_MS, DAY_MS, 3 * DAY_MS], dtype=np.int64
)
WINDOW_TILES: Final = np.array([6, 5, 15, 6, 36, 24, 7, 10], dtype=np.int64)
N_WINDOWS: Final = 8

# Levels. A tile is kept at the finest level whose widest window still holds it.
LEVEL_TILE_MS: Final = np.array(
    [10_000, 60_000, 600_000, HOUR_MS, DAY_MS, 3 * DAY_MS], dtype=np.int64
)
LEVEL_WINDOW: Final = np.array([W_1M, W_15M, W_6H, W_24H, W_7D, W_30D], dtype=np.int64)
TILE_CAPACITY: Final = 112
"""More than the 98 tiles of all levels and the one partly merged tile at each of the five seams."""
COMPACT_AFTER: Final = 8
"""Tiles added before the series is compacted again; invisible in any reading."""

# Distinct counterparties are counted over these windows.
DISTINCT_WINDOWS: Final = np.array([W_1H, W_24H, W_7D, W_30D], dtype=np.int64)
N_DISTINCT: Final = 4
SKETCH_BUCKETS: Final = 512

# Subscriber: tile channels of part 0. The last one is a maximum, all others are sums.
(
    S_IN_CALLS,
    S_OUT_CALLS,
    S_NEW_CALLS,
    S_UNANSWERED,
    S_TALK_S,
    S_SUSPECT_TALK_S,
    S_NIGHT,
    S_OUT,
    S_OUT_AMOUNT,
    S_YOUNG_AMOUNT,
    S_IN,
    S_IN_AMOUNT,
    S_FUND_AMOUNT,
    S_REFUSED,
    S_MAX_OUT,
) = range(15)

# Number: calls to and from it, over all subscribers.
N_STARTED, N_ENDED, N_UNANSWERED, N_SHORT, N_TALK_S, N_CALLED_BACK = range(6)

# Account: payments to and from it, over all subscribers; the last one is a maximum.
(A_ATTEMPTS, A_ATTEMPT_AMOUNT, A_RECEIVED, A_RECEIVED_AMOUNT, A_PAID, A_PAID_AMOUNT) = range(6)
A_REFUSED, A_MAX_ATTEMPT = 6, 7

# Device.
D_TRANSFERS, D_AMOUNT, D_CALLS = range(3)

# Part 1 of numbers, accounts and devices: second-degree evidence.
X_NEW, X_TAINTED, X_PRESSED = range(3)

CHANNELS: Final = np.array([[15, 0], [6, 3], [8, 3], [3, 3]], dtype=np.int64)
SUM_CHANNELS: Final = np.array([[14, 0], [6, 3], [7, 3], [3, 3]], dtype=np.int64)
MAX_CHANNELS: Final = 15

# Pair tables: the counterparties seen most recently. Subscribers keep numbers and accounts apart.
PAIR_CAPACITY: Final = np.array([[24, 24], [12, 0], [12, 0], [12, 0]], dtype=np.int64)
P_ID, P_FIRST_MIN, P_LAST_MIN, P_COUNT, P_AMOUNT = range(5)
PAIR_STRIDE: Final = 5
NUMBERS, ACCOUNTS = 0, 1

# Head fields that every record has. The clock is the newest event time applied.
H_CLOCK, H_FIRST, H_EVENTS = 0, 1, 2
# Shared records.
H_CONFIRMED, H_CLEARED, H_CONFIRMED_AT, H_RECEIVED_AT, H_ONWARD_MS, H_CLOCK2 = 3, 4, 5, 6, 7, 8
H_SEEN, N_SEEN = 9, 4
"""The last four events (subject and kind), to know a producer's duplicate."""
# Subscribers.
(
    H_OUT_AT,
    H_OUT_AMOUNT,
    H_IN_AT,
    H_IN_AMOUNT,
    H_FUND_AT,
    H_FUND_AMOUNT,
    H_REFUND_AT,
    H_REFUND_AMOUNT,
    H_FORWARDING_AT,
    H_DND_AT,
    H_LINE_AT,
    H_STAGE,
    H_STAGE_AT,
    H_EPISODE_AT,
    H_VICTIM,
    H_VICTIM_CLEARED,
    H_VICTIM_AT,
    H_TAINT_AT,
    H_HANGUP_AT,
    H_HANGUP_TALK_S,
    H_HANGUP_LEVEL,
    H_SUSPECT_HANGUP_AT,
    H_SUSPECT_LEVEL,
) = range(3, 26)
H_FORWARDING_SET, H_DND_SET = 26, 27
H_OPEN, N_OPEN, OPEN_STRIDE = 28, 2, 4
O_SUBJECT, O_NUMBER, O_START, O_LEVEL = range(4)
H_CALLS, N_CALLS, CALL_STRIDE = 36, 4, 5
C_SUBJECT, C_END, C_TALK_S, C_REVISION, C_STATE = range(5)
C_STATE_UNANSWERED = 8
"""State of a remembered call: its level (0 to 7), plus this if nobody answered."""
H_MOVES, N_MOVES, MOVE_STRIDE = 56, 4, 5
M_SUBJECT, M_TIME, M_AMOUNT, M_REVISION, M_STATE = range(5)
M_OUT, M_YOUNG, M_FUND, M_REFUSED, M_REVERSED = 1, 2, 4, 8, 16
"""State of a remembered transfer, as bits."""

HEAD_FIELDS: Final = np.array([76, 13, 13, 13], dtype=np.int64)

# How a head field is packed: as a number, as a time before the clock, or as a 32-bit id.
PACK_NUMBER, PACK_TIME, PACK_ID, PACK_NOT = 0, 1, 2, 3


def _head_packing() -> np.ndarray:
    packing = np.full((4, int(HEAD_FIELDS.max())), PACK_NUMBER, dtype=np.uint8)
    packing[:, H_CLOCK] = PACK_NOT  # it is in the header
    packing[:, H_FIRST] = PACK_TIME
    packing[1:, [H_CONFIRMED_AT, H_RECEIVED_AT]] = PACK_TIME
    packing[1:, H_CLOCK2] = PACK_NOT  # equals the clock between chunks
    packing[1:, H_SEEN : H_SEEN + N_SEEN] = PACK_ID
    times = [H_OUT_AT, H_IN_AT, H_FUND_AT, H_REFUND_AT, H_FORWARDING_AT, H_DND_AT, H_LINE_AT]
    times += [H_STAGE_AT, H_EPISODE_AT, H_VICTIM_AT, H_TAINT_AT, H_HANGUP_AT]
    times += [H_SUSPECT_HANGUP_AT, H_FORWARDING_SET, H_DND_SET]
    times += [H_OPEN + i * OPEN_STRIDE + O_START for i in range(N_OPEN)]
    times += [H_CALLS + i * CALL_STRIDE + C_END for i in range(N_CALLS)]
    times += [H_MOVES + i * MOVE_STRIDE + M_TIME for i in range(N_MOVES)]
    packing[0, times] = PACK_TIME
    ids = [H_OPEN + i * OPEN_STRIDE + field for i in range(N_OPEN) for field in (0, 1)]
    ids += [H_CALLS + i * CALL_STRIDE + C_SUBJECT for i in range(N_CALLS)]
    ids += [H_MOVES + i * MOVE_STRIDE + M_SUBJECT for i in range(N_MOVES)]
    packing[0, ids] = PACK_ID
    return packing


HEAD_PACKING: Final = _head_packing()

# Rules of the step, in event time.
NIGHT_FROM_HOUR, NIGHT_TO_HOUR = 23, 6
SHORT_CALL_S: Final = 10
LONG_CALL_S: Final = 600
OPEN_CALL_MAX_MS: Final = 4 * HOUR_MS
REMEMBER_MS: Final = DAY_MS
"""How long a call or transfer is remembered by its subject, for duplicates and corrections."""
YOUNG_PAIR_MINUTES: Final = 24 * 60
FRESH_NUMBER_DAYS: Final = 2.0
WIDE_FAN_OUT: Final = 20.0
MOSTLY_SHORT: Final = 0.5
SUSPECT_LEVEL: Final = 2
PRESSED_MS: Final = HOUR_MS
TAINT_MS: Final = 7 * DAY_MS
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

# Columns of a state's meta table: where a record's parts begin in the cells, and how full they are.
R_KIND, R_HEAD, R_TILES, R_TILE_COUNT, R_TILE_SOFT = 0, 1, 2, 4, 6
R_PAIRS, R_PAIR_COUNT, R_SKETCH, R_SKETCH_ON = 8, 10, 12, 13
META_COLUMNS: Final = 14

# Columns of a batch: the events as the kernel sees them (identifiers as signed integers), the records of
# subscriber, counterparty and device (-1: none), and whether each of them has yet to apply the event.
(
    B_KIND,
    B_TIME,
    B_SUBSCRIBER,
    B_COUNTERPARTY,
    B_SUBJECT,
    B_AMOUNT,
    B_DURATION,
    B_FLAGS,
) = range(8)
B_SLOTS, B_FRESH, BATCH_COLUMNS = 8, 11, 14

# What the subscriber's step says about an event to the shared records.
E_COUNTED, E_NEW, E_TAINTED, E_PRESSED = 1, 2, 4, 8

PART_SHARED, PART_SUBSCRIBER, PART_SECOND = 1, 2, 4
ALL_PARTS: Final = 7
