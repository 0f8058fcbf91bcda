"""The state store's contract: versioned records, journals, and who may write them.

A store keeps bytes. Of a record it knows the version in its header and nothing else. One suite of tests
(``tests/contract``) holds for :class:`~features.store.redis_store.RedisStateStore` and for the store in memory
that tests use.

**Repeating is safe.** Every operation may be repeated after a failure whose outcome is unknown (a
timeout, a lost connection). A write that had already landed is recognised by its bytes, so it is no
conflict with itself.

**Fencing.** A worker that takes a partition over gets its next epoch. A journal is refused under an
older epoch, and so is a commit that names its epochs. On Redis Cluster the epoch of a commit is
checked one round trip before the records are written, not in one step with them. That is enough: a
stale worker whose journal was accepted wrote it before the take-over, so the new owner replays that
chunk from the same records, and the compare-and-set on versions refuses whatever the stale worker
sends after the new owner has written its next chunk.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from features.entity_keys import StateForm
from forewarn.errors import DependencyUnavailableError, ForewarnError


class Write(NamedTuple):
    """One record to be written unless another worker has written it since it was read.

    Attributes:
        key: the record's key.
        expected_version: version of the record as it was read; 0 when there was none.
        value: the new record, whose header carries a higher version.
        expire_ms: how long the record is kept after this write, in milliseconds of wall time.
        renew: start that time again at this write in any case; else a store may leave the time that
            already runs, as long as the record is being written to.
    """

    key: bytes
    expected_version: int
    value: bytes
    expire_ms: int
    renew: bool = False


@dataclass(frozen=True, slots=True)
class Conflict:
    """A write that was refused because the record has another version by now.

    Attributes:
        index: place of the refused write in the list that was committed.
        key: the record's key.
        record: the record as it is now; None if it has expired or was deleted.
    """

    index: int
    key: bytes
    record: bytes | None


class JournalWrite(NamedTuple):
    """The journal of one partition's next chunk, to be written before its records.

    Attributes:
        partition: partition number, the same for all source topics.
        epoch: the writer's epoch, from :meth:`StateStore.take_over`.
        entry: the journal, encoded by :mod:`features.store.chunk_journal`.
    """

    partition: int
    epoch: int
    entry: bytes


class FencedError(ForewarnError):
    """Another worker has taken partitions over; this one must drop the chunk and give them up.

    Attributes:
        partitions: those known to be taken over; on a cluster there may be more.
    """

    def __init__(self, partitions: Sequence[int]) -> None:
        super().__init__(
            f"partitions {sorted(partitions)} were taken over by another worker.",
            hint="Nothing is lost: the new owner continues from the journal.",
        )
        self.partitions = tuple(sorted(partitions))


class StateLostError(ForewarnError):
    """The store has lost what was written to it, or is another store than the one that was opened."""


class StateStore(Protocol):
    """Versioned records by key, one journal and one epoch for each partition.

    Every method raises DependencyUnavailableError when the store did not answer within its retry
    bound, StateFullError when it has no memory left, and StateLostError when it is not the store
    that was opened.
    """

    @property
    def form(self) -> StateForm:
        """How its records are kept, so how an engine builds keys and records for it. Known once it is open."""
        ...

    async def open(self, *, create: bool) -> str:
        """Connect and read the store's identity.

        Args:
            create: give a new, empty store an identity; else a store without one is an error.

        Raises:
            StateLostError: if the store has no identity and ``create`` is false.
        """
        ...

    async def load(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Read records, in the order of ``keys``; None where there is none."""
        ...

    async def commit(
        self,
        writes: Sequence[Write],
        *,
        journals: Sequence[JournalWrite] = (),
        epochs: Mapping[int, int] | None = None,
    ) -> list[Conflict]:
        """Write journals, then the records whose version is still the expected one.

        Args:
            writes: at most one for each key.
            journals: written before any record; if one is refused, no record is written.
            epochs: epoch by partition under which the records are written; those of ``journals``
                are always checked.

        Raises:
            FencedError: if an epoch is no longer current; nothing was written.
        """
        ...

    async def take_over(self, partitions: Sequence[int]) -> dict[int, int]:
        """Become the owner of partitions; returns the new epoch of each."""
        ...

    async def journals(self, partitions: Sequence[int]) -> dict[int, bytes | None]:
        """The latest journal of each partition; None if there never was one."""
        ...

    async def begin_rebuild(self) -> None:
        """Empty the store, give it a new identity, and lock it for all others until ``end_rebuild``.

        Workers that had it open find another store and stop.
        """
        ...

    async def end_rebuild(self) -> None:
        """Unlock the store."""
        ...

    async def ping(self) -> None:
        """Check once, without retries, that the store answers and is the one that was opened."""
        ...

    async def close(self) -> None:
        """Close the connections; the store is not used after this."""
        ...


def lost(detail: str) -> StateLostError:
    """Build the error of a store that no longer holds what was written to it."""
    return StateLostError(
        f"The state store lost its data: {detail}.",
        hint="Stop the workers, run `forewarn rebuild`, and start them again.",
    )


def unavailable(what: str, cause: object) -> DependencyUnavailableError:
    """Build the error of a store that did not answer within the bound."""
    return DependencyUnavailableError(
        f"The state store did not {what}: {cause}.",
        hint="Check that Redis runs and that FOREWARN_REDIS_URL is its address.",
    )
