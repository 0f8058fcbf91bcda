"""The layout of an entity's state in memory: levels, channels, tables and head fields.

Everything is 64-bit integers. A record has a *head* (scalar fields), up to two *tile series* (part 0
depends on the event alone, part 1 on what the subscriber's step said about it) and up to two *pair
tables*. This says where things are, ``features.kernel.semantics`` what they mean; where stored records have
to be migrated, raise ``LAYOUT_VERSION`` of ``features.record_header``.
"""

from typing import Final

import numpy as np

from features.kernel.semantics import (
    DAY_MS,
    HOUR_MS,
    N_CALLS,
    N_CASES_OWN,
    N_CASES_SHARED,
    N_MOVES,
    N_OPEN,
    N_SEEN,
    W_1M,
    W_6H,
    W_7D,
    W_15M,
    W_24H,
    W_30D,
)

# Levels. A tile is kept at the finest level whose widest window still holds it.
LEVEL_TILE_MS: Final = np.array(
    [10_000, 60_000, 600_000, HOUR_MS, DAY_MS, 3 * DAY_MS], dtype=np.int64
)
LEVEL_WINDOW: Final = np.array([W_1M, W_15M, W_6H, W_24H, W_7D, W_30D], dtype=np.int64)
TILE_CAPACITY: Final = 112
"""More than the 98 tiles of all levels and the one partly merged tile at each of the five seams."""
COMPACT_AFTER: Final = 8
"""Tiles added before the series is compacted again; invisible in any reading."""

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
N_STARTED, N_ENDED, N_UNANSWERED, N_SHORT, N_TALK_S, N_CALLED_BACK, N_ENDED_BACK = range(7)

# Account: payments to and from it, over all subscribers; the last one is a maximum.
(A_ATTEMPTS, A_ATTEMPT_AMOUNT, A_RECEIVED, A_RECEIVED_AMOUNT, A_PAID, A_PAID_AMOUNT) = range(6)
A_REFUSED, A_MAX_ATTEMPT = 6, 7

# Device.
D_TRANSFERS, D_AMOUNT, D_CALLS = range(3)

# Part 1 of numbers, accounts and devices: second-degree evidence.
X_NEW, X_TAINTED, X_PRESSED = range(3)

CHANNELS: Final = np.array([[15, 0], [7, 3], [8, 3], [3, 3]], dtype=np.int64)
SUM_CHANNELS: Final = np.array([[14, 0], [7, 3], [7, 3], [3, 3]], dtype=np.int64)
MAX_CHANNELS: Final = 15

# Pair tables: recent counterparties. An account has an amount where a number has bits.
P_ID, P_FIRST_MIN, P_LAST_MIN, P_COUNT, P_AMOUNT = range(5)
P_BITS: Final = P_AMOUNT
P_LEVEL, P_HARMLESS, P_CALLED_IN = 7, 8, 16
"""Bits of a number: the highest level of a suspicious call, whether an outcome cleared the number for
the subscriber, whether it has called the subscriber."""
PAIR_STRIDE: Final = 5
NUMBERS, ACCOUNTS = 0, 1
SHARED_TABLE: Final = -1

# Head fields that every record has. The clock is the newest event time applied.
H_CLOCK, H_FIRST, H_EVENTS = 0, 1, 2
# Shared records.
H_CONFIRMED, H_CLEARED, H_CONFIRMED_AT, H_RECEIVED_AT, H_ONWARD_MS, H_CLOCK2 = 3, 4, 5, 6, 7, 8
H_SEEN: Final = 9
"""The last four events (subject and kind), to know a producer's duplicate."""
H_CASES: Final = 13
"""The last cases that named it: not among the events, which would drive them out."""
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
    H_OUT_LOST_AT,
) = range(3, 26)
H_FORWARDING_SET, H_DND_SET = 26, 27
H_OPEN, OPEN_STRIDE = 28, 4
O_SUBJECT, O_NUMBER, O_START, O_LEVEL = range(4)
H_CALLS, CALL_STRIDE = 36, 5
C_SUBJECT, C_END, C_TALK_S, C_REVISION, C_STATE = range(5)
C_STATE_UNANSWERED = 8
"""State of a remembered call: its level (0 to 7), plus this if nobody answered."""
H_MOVES, MOVE_STRIDE = 56, 5
M_SUBJECT, M_TIME, M_AMOUNT, M_REVISION, M_STATE = range(5)
M_OUT, M_YOUNG, M_FUND, M_REFUSED, M_REVERSED, M_SETTLED = 1, 2, 4, 8, 16, 32
"""State of a remembered transfer, as bits."""
H_IN_LOST_AT: Final = 96
"""With ``H_OUT_LOST_AT``: when the newest transfer was begun that had to make way unsettled."""
H_OWN_CASES: Final = 97
CASE_STRIDE: Final = 2
K_SUBJECT, K_STATE = range(2)
K_REVISION: Final = 4
"""State of a remembered case: its verdict, plus its revision times this."""

HEAD_FIELDS: Final = np.array(
    [H_OWN_CASES + N_CASES_OWN * CASE_STRIDE] + 3 * [H_CASES + N_CASES_SHARED * CASE_STRIDE],
    dtype=np.int64,
)

# How a head field is packed: as a number, as a time before the clock, or as a 32-bit id.
PACK_NUMBER, PACK_TIME, PACK_ID, PACK_NOT = 0, 1, 2, 3


def _head_packing() -> np.ndarray:
    packing = np.full((4, int(HEAD_FIELDS.max())), PACK_NUMBER, dtype=np.uint8)
    packing[:, H_CLOCK] = PACK_NOT  # it is in the header
    packing[:, H_FIRST] = PACK_TIME
    packing[1:, [H_CONFIRMED_AT, H_RECEIVED_AT]] = PACK_TIME
    packing[1:, H_CLOCK2] = PACK_NOT  # equals the clock between chunks
    packing[1:, H_SEEN : H_SEEN + N_SEEN] = PACK_ID
    packing[1:, [H_CASES + i * CASE_STRIDE for i in range(N_CASES_SHARED)]] = PACK_ID
    times = [H_OUT_AT, H_IN_AT, H_FUND_AT, H_REFUND_AT, H_FORWARDING_AT, H_DND_AT, H_LINE_AT]
    times += [H_STAGE_AT, H_EPISODE_AT, H_VICTIM_AT, H_TAINT_AT, H_HANGUP_AT]
    times += [H_SUSPECT_HANGUP_AT, H_FORWARDING_SET, H_DND_SET, H_OUT_LOST_AT, H_IN_LOST_AT]
    times += [H_OPEN + i * OPEN_STRIDE + O_START for i in range(N_OPEN)]
    times += [H_CALLS + i * CALL_STRIDE + C_END for i in range(N_CALLS)]
    times += [H_MOVES + i * MOVE_STRIDE + M_TIME for i in range(N_MOVES)]
    packing[0, times] = PACK_TIME
    ids = [H_OPEN + i * OPEN_STRIDE + field for i in range(N_OPEN) for field in (0, 1)]
    ids += [H_CALLS + i * CALL_STRIDE + C_SUBJECT for i in range(N_CALLS)]
    ids += [H_MOVES + i * MOVE_STRIDE + M_SUBJECT for i in range(N_MOVES)]
    ids += [H_OWN_CASES + i * CASE_STRIDE + K_SUBJECT for i in range(N_CASES_OWN)]
    packing[0, ids] = PACK_ID
    return packing


HEAD_PACKING: Final = _head_packing()

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
