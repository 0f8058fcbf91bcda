"""The state store: where records live between chunks. See ``base`` for the contract.

Importing this package costs nothing: the Redis client is loaded by ``features.store.redis`` only.
"""

from features.store.base import (
    Conflict,
    FencedError,
    JournalWrite,
    StateLostError,
    StateStore,
    Write,
)

__all__ = ["Conflict", "FencedError", "JournalWrite", "StateLostError", "StateStore", "Write"]
