"""The state store: where records live between chunks. See ``base`` for the contract.

Importing this package costs nothing: the Redis client is loaded by ``features.store.redis_store`` only.
"""

from features.store.state_store import (
    Conflict,
    FencedError,
    JournalWrite,
    StateLostError,
    StateStore,
    Write,
)

__all__ = ["Conflict", "FencedError", "JournalWrite", "StateLostError", "StateStore", "Write"]
