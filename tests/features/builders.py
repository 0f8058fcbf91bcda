"""Random but plausible columns for tests of the engine; seeded."""

import numpy as np

from features import kinds
from features.event_columns import EventColumns, from_arrays
from features.kinds import EventKind as K

START_MS = 1_760_000_000_000
_KINDS = [
    (K.CALL_STARTED, 0.35),
    (K.CALL_ENDED, 0.4),
    (K.LINE_CHANGED, 0.01),
    (K.OUT_ATTEMPTED, 0.08),
    (K.OUT_COMPLETED, 0.07),
    (K.OUT_BLOCKED, 0.005),
    (K.OUT_REVERSED, 0.005),
    (K.IN_COMPLETED, 0.07),
    (K.OUTCOME, 0.01),
]


def town(
    n: int, *, subscribers: int, days: float, seed: int, partitions: int = 1, others: int = 50
) -> EventColumns:
    """``n`` events in time order, one in a hundred of them late by up to an hour."""
    rng = np.random.default_rng(seed)
    time = np.sort(rng.integers(0, int(days * 86_400_000), n)) + START_MS
    time -= np.where(rng.random(n) < 0.01, rng.integers(0, 3_600_000, n), 0)
    kind = rng.choice([k for k, _ in _KINDS], n, p=[p for _, p in _KINDS]).astype(np.uint8)
    names = rng.integers(1, 1 << 63, max(subscribers, others, n), dtype=np.uint64)  # pseudonyms
    who = rng.integers(0, subscribers, n)
    call = kind <= K.CALL_ENDED
    account = ((kind >= K.OUT_ATTEMPTED) & (kind < K.OUTCOME)) | (
        (kind == K.OUTCOME) & (rng.random(n) < 0.5)
    )
    flags = np.where(call & (rng.random(n) < 0.7), kinds.INBOUND, 0)
    flags |= np.where((kind == K.CALL_ENDED) & (rng.random(n) < 0.8), kinds.ANSWERED, 0)
    flags |= np.where(call & (rng.random(n) < 0.05), kinds.FOREIGN, 0)
    flags |= np.where(account, kinds.ACCOUNT, 0)
    flags |= np.where(account, rng.integers(0, 8, n) << kinds.PURPOSE_SHIFT, 0)
    flags |= np.where(kind == K.OUTCOME, kinds.CONFIRMED, 0)
    line = kind == K.LINE_CHANGED
    flags |= np.where(
        line, rng.choice([0, kinds.FORWARDING], n) | rng.choice([0, kinds.ACTIVE], n), 0
    )
    counterparty = names[rng.integers(0, others, n)]
    return from_arrays(
        kind=kind,
        time_ms=time,
        subscriber=names[who],
        counterparty=np.where(line, np.uint64(0), counterparty),
        device=np.where(rng.random(n) < 0.5, names[who] ^ np.uint64(1), np.uint64(0)),
        subject=names[rng.integers(0, n // 2 + 1, n)],
        amount_minor=np.where(account, rng.integers(100, 10_000_000, n), 0),
        duration_ms=np.where(kind == K.CALL_ENDED, rng.integers(0, 1_800_000, n), 0),
        flags=flags,
        source=np.where(kind <= K.LINE_CHANGED, 0, np.where(kind < K.OUTCOME, 1, 2)),
        partition=who % partitions,
        offset=np.arange(n),
    )
