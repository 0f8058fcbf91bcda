"""The compiled kernel. Nothing outside ``features`` imports it; ``features.engine`` is its face."""

from features.kernel import (
    codec,
    deduplication,
    execution,
    pairs,
    record_batch,
    record_state,
    watermarks,
)

__all__ = [
    "codec",
    "deduplication",
    "execution",
    "pairs",
    "record_batch",
    "record_state",
    "watermarks",
]
