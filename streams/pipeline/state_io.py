"""State of a batch: loaded in one round trip, written in one, races resolved record by record.

Chunks of one batch are computed apart, each on the records as loaded, because a partition that is
recovered alone must come to the same result. Where two of them changed the same shared record, the
second's events are applied on top of the first's, just as after a lost race.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from features.engine import Engine
from features.entity_keys import Entity, parse_key
from features.record_header import parse, record_version
from features.store import Conflict, FencedError, JournalWrite, StateStore, Write
from features.store.chunk_journal import encode
from forewarn.errors import DependencyUnavailableError
from streams.pipeline.job import DecisionJob
from streams.worker_metrics import WorkerMetrics

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Pending:
    """A record to be written, and the chunks whose events it carries, in order."""

    write: Write
    works: list[DecisionJob]


class StateIO:
    """Loads and writes the records of batches.

    Args:
        store: where records are.
        engine: applies events to records.
        metrics: conflicts are counted.
        attempts: how often one record may lose a race before the batch is tried again later.
    """

    def __init__(
        self, store: StateStore, engine: Engine, metrics: WorkerMetrics, attempts: int
    ) -> None:
        self._store = store
        self._engine = engine
        self._metrics = metrics
        self._attempts = attempts

    async def load(self, works: Sequence[DecisionJob]) -> None:
        """Give each chunk its records: from its journal if it is computed again, else loaded."""
        journalled = [
            dict(w.partition.journal.records) if w.recovering and w.partition.journal else {}
            for w in works
        ]
        wanted = dict.fromkeys(
            key
            for work, known in zip(works, journalled, strict=True)
            for key in work.plan.keys
            if key not in known
        )
        loaded = dict(zip(wanted, await self._store.load(list(wanted)), strict=True))
        for work, known in zip(works, journalled, strict=True):
            work.records = [known[key] if key in known else loaded[key] for key in work.plan.keys]
            work.journal = encode(work.journal_entry())

    async def write(self, works: Sequence[DecisionJob]) -> None:
        """Write journals, then records; resolve races until every record has every event.

        Repeating it after a failure is safe: what has landed is recognised.

        Raises:
            FencedError: another worker owns one of the partitions.
            DependencyUnavailableError: the store did not answer, or a record kept losing races.
        """
        for work in works:
            work.landed.clear()
        pending = self._merged(works)
        journals = [
            JournalWrite(work.partition.number, work.partition.epoch, work.journal)
            for work in works
        ]
        epochs = {work.partition.number: work.partition.epoch for work in works}
        for _ in range(self._attempts):
            conflicts = await self._store.commit(
                [p.write for p in pending], journals=journals, epochs=epochs
            )
            if not conflicts:
                return
            journals = []
            self._metrics.conflicts.inc(len(conflicts))
            pending = self._left(works, pending, conflicts)
            if not pending:
                return
        raise DependencyUnavailableError(
            f"{len(pending)} records lost {self._attempts} races in a row.",
            hint="If this repeats, raise FOREWARN_WORKER_COMMIT_ATTEMPTS.",
        )

    def _merged(self, works: Sequence[DecisionJob]) -> list[_Pending]:
        """One write for each record, chained where several chunks changed it."""
        by_key: dict[bytes, _Pending] = {}
        for work in works:
            chained: dict[bytes, bytes | None] = {}
            for write in work.result.writes():
                before = by_key.get(write.key)
                if before is None:
                    by_key[write.key] = _Pending(write, [work])
                elif not (work.recovering and _landed(work, write.key, before.write.value)):
                    # Else another chunk of the batch read the record when it had this one's events.
                    chained[write.key] = before.write.value
            for write in self._on_top(work, chained):
                before = by_key[write.key]
                before.write = write._replace(expected_version=before.write.expected_version)
                before.works.append(work)
        return list(by_key.values())

    def _on_top(self, work: DecisionJob, records: Mapping[bytes, bytes | None]) -> list[Write]:
        """The writes that carry this chunk's events on top of what the records have."""
        if not records:
            return []
        for key, record in records.items():
            work.landed[key] = record_version(record)
        return self._engine.reapply(work.plan, work.result, records)

    def _left(
        self,
        works: Sequence[DecisionJob],
        pending: Sequence[_Pending],
        conflicts: Sequence[Conflict],
    ) -> list[_Pending]:
        """What is left to write of records that somebody else has written."""
        left: list[_Pending] = []
        lost: dict[bytes, tuple[bytes | None, list[DecisionJob]]] = {}
        for conflict in conflicts:
            record, mine = conflict.record, pending[conflict.index]
            missing = [work for work in mine.works if not _landed(work, conflict.key, record)]
            if not missing:
                continue
            if parse_key(conflict.key)[0] is not Entity.SUBSCRIBER:
                lost[conflict.key] = (record, missing)
            elif (found := record_version(record)) < mine.write.expected_version:
                # It expired since it was loaded; or it is older than it was, since the store lost
                # its last second in a fail-over. The epoch is still ours, so nobody else has
                # written it, and what we hold has all that it had.
                if record is not None:
                    self._metrics.rollbacks.inc()
                    log.warning("state_rolled_back", partition=missing[0].partition.number)
                left.append(_Pending(mine.write._replace(expected_version=found), missing))
            else:
                # Only the owner of the partition writes a subscriber, so we are not the owner.
                raise FencedError([work.partition.number for work in missing])
        return left + self._again(works, lost)

    def _again(
        self,
        works: Sequence[DecisionJob],
        lost: Mapping[bytes, tuple[bytes | None, list[DecisionJob]]],
    ) -> list[_Pending]:
        """Shared records with the events that they miss, chunk by chunk in the batch's order."""
        again: dict[bytes, _Pending] = {}
        for work in works:
            records = {
                key: again[key].write.value if key in again else record
                for key, (record, missing) in lost.items()
                if any(each is work for each in missing)
            }
            for write in self._on_top(work, records):
                before = again.get(write.key)
                if before is None:
                    again[write.key] = _Pending(write, [work])
                else:
                    before.write = write._replace(expected_version=before.write.expected_version)
                    before.works.append(work)
        return list(again.values())


def _landed(work: DecisionJob, key: bytes, record: bytes | None) -> bool:
    """Whether the record carries this chunk's events already (after a crash or a lost answer)."""
    if record is None:
        return False
    for mark in parse(record).watermarks:
        if mark.partition != work.partition.number:
            continue
        first = work.first_offset(mark.source)
        if first is not None and mark.offset >= first:
            work.landed[key] = mark.version - 1
            return True
    return False
