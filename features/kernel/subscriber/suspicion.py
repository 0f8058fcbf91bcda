"""How suspicious the number of a call is, before a word is said: 0 (not at all) to 7."""

import numpy as np

from features.catalog.schema import INPUTS
from features.catalog.semantics import (
    CONFIRMED_LEVEL,
    FRESH_NUMBER_DAYS,
    MAX_LEVEL,
    MINUTE_MS,
    MOSTLY_SHORT,
    WIDE_FAN_OUT,
)
from features.kernel.compilation import inner
from features.kernel.pairs import pair_level
from features.kernel.program import Program, Values
from features.kernel.record_layout import BITS_HARMLESS, PAIR_BITS
from features.kernel.record_state import Cursor
from features.kinds import ATTESTATION_SHIFT, FOREIGN, INBOUND

_ATTESTATION_C = 3


@inner
def suspicion_level(
    c: Cursor, program: Program, values: Values, pair: int, is_young: bool, now: int
) -> int:
    """The level of a call: what is known of the number, at least the level of earlier calls with it.

    A number that is new to the subscriber and calls is judged by its features, unless an outcome has
    cleared it for this subscriber.

    Args:
        c: at a call event.
        program: its ``inputs`` say where the number's features are in the vector.
        values: the event's vector holds the features of first degree.
        pair: index of the pair with the number, or -1.
        is_young: the number is new, or was first met at most a day ago.
        now: UTC ms of the reading.
    """
    earlier_level, judged = 0, is_young and c.flags & INBOUND != 0
    if pair >= 0:
        earlier_level = pair_level(c.cells, pair, now // MINUTE_MS)
        judged = judged and c.cells[pair + PAIR_BITS] & BITS_HARMLESS == 0
    vectors, inputs = values.vectors, program.inputs
    confirmed = vectors[c.row, inputs[INPUTS.number_confirmed]] > 0
    level = CONFIRMED_LEVEL if confirmed else 0
    if judged:
        level += 1
        age_days = vectors[c.row, inputs[INPUTS.number_age_days]]
        if np.isnan(age_days) or age_days < FRESH_NUMBER_DAYS:
            level += 1
        if c.flags & FOREIGN:
            level += 1
        if c.flags >> ATTESTATION_SHIFT & 3 == _ATTESTATION_C:
            level += 1
        if vectors[c.row, inputs[INPUTS.number_callees_24h]] >= WIDE_FAN_OUT:
            level += 1
        if vectors[c.row, inputs[INPUTS.number_short_share_24h]] >= MOSTLY_SHORT:
            level += 1
    return max(earlier_level, min(level, MAX_LEVEL))
