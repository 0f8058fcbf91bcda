"""State of a batch: loaded in one round trip, written in one, races resolved record by record.

Chunks of one batch are computed separately, each on the records as loaded, because a partition that
is recovered alone must come to the same result. Where two of them changed the same shared record,
the events of the second are applied on top of those of the first, as after a lost race.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from features.engine import Engine
from features.entity_keys import Entity, parse_key
from features.joint_writes import writes_of
from features.record_header import parse, record_version
from features.store import Conflict, FencedError, JournalWrite, StateStore, Write
from features.store.chunk_journal import encode
from forewarn.errors import DependencyUnavailableError
from streams.pipeline.job import DecisionJob
from streams.worker_metrics import WorkerMetrics

log = structlog.get_logger(__name__)

# Races that one record may lose in a row before its batch is tried again later.
_ATTEMPTS: Final = 50


@dataclass(slots=True)
class _Pending:
    """A record to be written, and the jobs whose events it carries, in order."""

    write: Write
    jobs: list[DecisionJob]


class StateIO:
    """Loads and writes the records of batches.

    Args:
        store: keeps the records.
        engine: applies events to records.
        metrics: conflicts are counted.
        attempts: how often one record may lose a race before the batch is tried again later.
    """

    def __init__(
        self,
        store: StateStore,
        engine: Engine,
        metrics: WorkerMetrics,
        attempts: int = _ATTEMPTS,
    ) -> None:
        self._store = store
        self._engine = engine
        self._metrics = metrics
        self._attempts = attempts

    async def load(self, jobs: Sequence[DecisionJob]) -> None:
        """Set the records of each job: from its journal if it is repeated, else from the store."""
        journalled = [
            dict(job.partition.journal.records) if job.recovering and job.partition.journal else {}
            for job in jobs
        ]
        wanted = dict.fromkeys(
            key
            for job, known in zip(jobs, journalled, strict=True)
            for key in job.plan.keys
            if key not in known
        )
        loaded = dict(zip(wanted, await self._store.load(list(wanted)), strict=True))
        for job, known in zip(jobs, journalled, strict=True):
            job.records = [known[key] if key in known else loaded[key] for key in job.plan.keys]
            job.journal = encode(job.journal_entry())

    async def write(self, jobs: Sequence[DecisionJob]) -> None:
        """Write journals, then records; resolve races until every record has every event.

        Repetition after a failure is safe: a record that landed is recognised.

        Raises:
            FencedError: another worker owns one of the partitions.
            DependencyUnavailableError: the store did not answer, or a record kept losing races.
        """
        for job in jobs:
            job.landed.clear()
        pending = self._merged_writes(jobs)
        journals = [
            JournalWrite(job.partition.number, job.partition.epoch, job.journal) for job in jobs
        ]
        epochs = {job.partition.number: job.partition.epoch for job in jobs}
        for _ in range(self._attempts):
            conflicts = await self._store.commit(
                [p.write for p in pending], journals=journals, epochs=epochs
            )
            if not conflicts:
                return
            journals = []
            self._metrics.conflicts.inc(len(conflicts))
            pending = self._unwritten(jobs, pending, conflicts)
            if not pending:
                return
        raise DependencyUnavailableError(
            f"{len(pending)} records lost {self._attempts} races in a row.",
            hint="The batch is repeated by itself; workers that change the same record at once cause this.",
        )

    def _merged_writes(self, jobs: Sequence[DecisionJob]) -> list[_Pending]:
        """One write for each record, chained where several chunks changed it."""
        by_key: dict[bytes, _Pending] = {}
        for job, writes in zip(jobs, writes_of([job.result for job in jobs]), strict=True):
            job.writes = writes
            chained: dict[bytes, bytes | None] = {}
            for write in writes:
                before = by_key.get(write.key)
                if before is None:
                    by_key[write.key] = _Pending(write, [job])
                elif not (job.recovering and _has_landed(job, write.key, before.write.value)):
                    # Else another chunk of the batch read the record when it had this one's events.
                    chained[write.key] = before.write.value
            for write in self._reapplied(job, chained):
                before = by_key[write.key]
                before.write = write._replace(expected_version=before.write.expected_version)
                before.jobs.append(job)
        return list(by_key.values())

    def _reapplied(self, job: DecisionJob, records: Mapping[bytes, bytes | None]) -> list[Write]:
        """Writes that carry the job's events on top of the given records."""
        if not records:
            return []
        for key, record in records.items():
            job.landed[key] = record_version(record)
        return self._engine.reapply(job.plan, job.result, records)

    def _unwritten(
        self,
        jobs: Sequence[DecisionJob],
        pending: Sequence[_Pending],
        conflicts: Sequence[Conflict],
    ) -> list[_Pending]:
        """Writes that are still needed for records that another writer has changed."""
        left: list[_Pending] = []
        lost: dict[bytes, tuple[bytes | None, list[DecisionJob]]] = {}
        for conflict in conflicts:
            record, own = conflict.record, pending[conflict.index]
            missing = [job for job in own.jobs if not _has_landed(job, conflict.key, record)]
            if not missing:
                continue
            if parse_key(conflict.key)[0] is not Entity.SUBSCRIBER:
                lost[conflict.key] = (record, missing)
            elif (found := record_version(record)) < own.write.expected_version:
                # The record expired since it was loaded, or the store lost its last second in a
                # fail-over. The epoch is still ours, so no other worker has written the record,
                # and ours contains everything that it had.
                if record is not None:
                    self._metrics.rollbacks.inc()
                    log.warning("state_rolled_back", partition=missing[0].partition.number)
                left.append(_Pending(own.write._replace(expected_version=found), missing))
            else:
                # Only the owner of the partition writes a subscriber, so this worker lost it.
                raise FencedError([job.partition.number for job in missing])
        return left + self._rebased(jobs, lost)

    def _rebased(
        self,
        jobs: Sequence[DecisionJob],
        lost: Mapping[bytes, tuple[bytes | None, list[DecisionJob]]],
    ) -> list[_Pending]:
        """Writes of shared records with the events that they miss, in the order of the jobs."""
        rebased: dict[bytes, _Pending] = {}
        for job in jobs:
            records = {
                key: rebased[key].write.value if key in rebased else record
                for key, (record, missing) in lost.items()
                if any(each is job for each in missing)
            }
            for write in self._reapplied(job, records):
                before = rebased.get(write.key)
                if before is None:
                    rebased[write.key] = _Pending(write, [job])
                else:
                    before.write = write._replace(expected_version=before.write.expected_version)
                    before.jobs.append(job)
        return list(rebased.values())


def _has_landed(job: DecisionJob, key: bytes, record: bytes | None) -> bool:
    """Whether the record carries the job's events already (after a crash or a lost answer)."""
    if record is None:
        return False
    for mark in parse(record).watermarks:
        if mark.partition != job.partition.number:
            continue
        first = job.first_offset(mark.source)
        if first is not None and mark.offset >= first:
            job.landed[key] = mark.version - 1
            return True
    return False
