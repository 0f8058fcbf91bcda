"""The state store, which keeps records between chunks; ``state_store`` states the contract.

The Redis client is loaded by ``features.store.redis_store`` and its neighbours only.
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
