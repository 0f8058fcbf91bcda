"""The vector program: how catalog entries turn into numbers, as a table that the kernel loops over.

Each row of a program is ``slot, op, a, b, c, d``; rows are ordered by block and operation. Window values are integers; a quotient is one
division in float64; the result is rounded once, to float32. So any implementation that counts the same
integers gets the same bits.
"""

from typing import Final

import numpy as np

from features.kernel.compilation import inner

OP_SUM, OP_RATIO, OP_DISTINCT, OP_SCALAR, OP_MORE = range(5)
"""``acc[a, b]``; ``acc[a, b] / acc[c, d]``; ``distinct[a, b]``; ``scalars[a]``; the larger of
``acc[a, b]`` and ``acc[c, d]``."""
N_OPS: Final = 5

# Blocks of the program: which step of the kernel writes which slots.
BLOCK_SUBSCRIBER: Final = 0
BLOCK_SHARED: Final = 1  # + entity - 1: number, account, device
BLOCK_SECOND: Final = 4  # + entity - 1
N_BLOCKS: Final = 7

SHARED_SCALARS: Final = (
    "age_days",
    "idle_hours",
    "confirmed",
    "cleared",
    "confirmed_days",
    "onward_minutes",
    "since_receipt_minutes",
)
(
    SH_AGE_DAYS,
    SH_IDLE_HOURS,
    SH_CONFIRMED,
    SH_CLEARED,
    SH_CONFIRMED_DAYS,
    SH_ONWARD_MINUTES,
    SH_SINCE_RECEIPT_MINUTES,
) = range(7)

SUBSCRIBER_SCALARS: Final = (
    "kind",
    "purpose",
    "channel",
    "amount",
    "hour",
    "weekday",
    "foreign",
    "short_code",
    "attestation",
    "inbound",
    "talk_seconds",
    "caller_level",
    "on_call",
    "on_call_minutes",
    "on_call_level",
    "hangup_minutes",
    "hangup_talk_seconds",
    "hangup_level",
    "suspect_hangup_minutes",
    "suspect_talk_minutes",
    "relay_1h",
    "relay_24h",
    "forwarding_on",
    "do_not_disturb_on",
    "line_minutes",
    "stage",
    "stage_minutes",
    "episode_minutes",
    "amount_to_mean",
    "amount_to_max",
    "amount_to_previous",
    "amount_to_incoming",
    "amount_to_refund",
    "amount_to_funding",
    "since_incoming_minutes",
    "since_funding_minutes",
    "since_refund_minutes",
    "pair_new",
    "pair_count",
    "pair_age_days",
    "pair_idle_hours",
    "amount_to_pair_mean",
    "age_days",
    "idle_minutes",
    "out_idle_days",
    "victim_confirmed",
    "victim_cleared",
    "victim_days",
    "taint_hours",
)
(
    SC_KIND,
    SC_PURPOSE,
    SC_CHANNEL,
    SC_AMOUNT,
    SC_HOUR,
    SC_WEEKDAY,
    SC_FOREIGN,
    SC_SHORT_CODE,
    SC_ATTESTATION,
    SC_INBOUND,
    SC_TALK_SECONDS,
    SC_CALLER_LEVEL,
    SC_ON_CALL,
    SC_ON_CALL_MINUTES,
    SC_ON_CALL_LEVEL,
    SC_HANGUP_MINUTES,
    SC_HANGUP_TALK_SECONDS,
    SC_HANGUP_LEVEL,
    SC_SUSPECT_HANGUP_MINUTES,
    SC_SUSPECT_TALK_MINUTES,
    SC_RELAY_1H,
    SC_RELAY_24H,
    SC_FORWARDING_ON,
    SC_DND_ON,
    SC_LINE_MINUTES,
    SC_STAGE,
    SC_STAGE_MINUTES,
    SC_EPISODE_MINUTES,
    SC_AMOUNT_TO_MEAN,
    SC_AMOUNT_TO_MAX,
    SC_AMOUNT_TO_PREVIOUS,
    SC_AMOUNT_TO_INCOMING,
    SC_AMOUNT_TO_REFUND,
    SC_AMOUNT_TO_FUNDING,
    SC_SINCE_INCOMING,
    SC_SINCE_FUNDING,
    SC_SINCE_REFUND,
    SC_PAIR_NEW,
    SC_PAIR_COUNT,
    SC_PAIR_AGE_DAYS,
    SC_PAIR_IDLE_HOURS,
    SC_AMOUNT_TO_PAIR_MEAN,
    SC_AGE_DAYS,
    SC_IDLE_MINUTES,
    SC_OUT_IDLE_DAYS,
    SC_VICTIM,
    SC_VICTIM_CLEARED,
    SC_VICTIM_DAYS,
    SC_TAINT_HOURS,
) = range(49)

WIRES: Final = (
    "number_callees_24h",
    "number_short_share_24h",
    "number_age_days",
    "number_confirmed",
    "account_confirmed",
)
"""Features that the subscriber's step itself reads, from the vector; every catalog has them."""
WIRE_FAN_OUT, WIRE_SHORT, WIRE_AGE, WIRE_NUMBER_CONFIRMED, WIRE_ACCOUNT_CONFIRMED = range(5)


@inner
def evaluate(
    program: np.ndarray,
    bounds: np.ndarray,
    block: int,
    acc: np.ndarray,
    dist: np.ndarray,
    scalars: np.ndarray,
    vectors: np.ndarray,
    i: int,
) -> None:
    """Run one block of the program into row ``i`` of the vectors; one loop for each operation."""
    first = block * N_OPS
    for f in range(bounds[first], bounds[first + 1]):
        vectors[i, program[f, 0]] = np.float32(acc[program[f, 2], program[f, 3]])
    for f in range(bounds[first + 1], bounds[first + 2]):
        below = acc[program[f, 4], program[f, 5]]
        value = np.float64(acc[program[f, 2], program[f, 3]]) / np.float64(below)
        vectors[i, program[f, 0]] = np.float32(value if below != 0 else np.nan)
    for f in range(bounds[first + 2], bounds[first + 3]):
        vectors[i, program[f, 0]] = np.float32(dist[program[f, 2], program[f, 3]])
    for f in range(bounds[first + 3], bounds[first + 4]):
        vectors[i, program[f, 0]] = np.float32(scalars[program[f, 2]])
    for f in range(bounds[first + 4], bounds[first + 5]):
        more = max(acc[program[f, 2], program[f, 3]], acc[program[f, 4], program[f, 5]])
        vectors[i, program[f, 0]] = np.float32(more)
