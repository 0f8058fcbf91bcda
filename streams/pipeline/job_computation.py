"""The computation of jobs: columns, vectors, scores, decisions and warnings.

Each step raises what goes wrong in it; ``Quarantine`` calls the steps and isolates the event at fault.
"""

from collections.abc import Sequence

import numpy as np

from features.engine import Engine
from forewarn.contracts import DeadLetter
from forewarn.platform.pseudonyms import Pseudonymiser
from streams.intake.open_partition import OpenPartition
from streams.intake.partition_buffer import Chunk
from streams.model.bundle import ModelBundle
from streams.pipeline.decide import Decider
from streams.pipeline.explain import WarningBuilder
from streams.pipeline.job import DecisionJob, columns_of
from streams.pipeline.score_monitor import ScoreMonitor
from streams.worker_metrics import WorkerMetrics


class JobComputation:
    """Runs the kernel, the model and the policy over jobs; no I/O.

    Args:
        engine: the feature kernel.
        decider: scores and decides.
        monitor: observes the scores.
        builder: builds the warnings.
        pseudonymiser: for columns.
        metrics: durations of stages.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        decider: Decider,
        monitor: ScoreMonitor,
        builder: WarningBuilder,
        pseudonymiser: Pseudonymiser,
        metrics: WorkerMetrics,
    ) -> None:
        self._engine = engine
        self._decider = decider
        self._monitor = monitor
        self._builder = builder
        self._pseudonymiser = pseudonymiser
        self._metrics = metrics

    def new_jobs(self, batch: Sequence[tuple[OpenPartition, Chunk]]) -> list[DecisionJob]:
        """The columns of chunks, and the plan of the records that each needs.

        Args:
            batch: partitions, numbered for their chunk already, and chunks.
        """
        chunks = [chunk for _, chunk in batch]
        columns, rows = columns_of(chunks, self._pseudonymiser)
        events = np.cumsum([0, *(len(chunk.events) for chunk in chunks)]).tolist()
        bounds = np.append(rows, len(columns))[events].tolist()
        joint = self._engine.plan_jointly(columns, bounds)
        return [
            DecisionJob(
                partition, chunk, joint.parts[i].columns, rows[events[i] : events[i + 1]] - bounds[i],
                joint.parts[i], partition.chunk, partition.journal is not None, joint=joint,
            )
            for i, (partition, chunk) in enumerate(batch)
        ]  # fmt: skip

    def try_columns(self, chunk: Chunk) -> None:
        """Make columns and plan of a chunk only to see whether that raises."""
        columns, _ = columns_of([chunk], self._pseudonymiser)
        self._engine.plan(columns)

    def without(
        self, job: DecisionJob, indices: Sequence[int], letters: Sequence[DeadLetter]
    ) -> DecisionJob:
        """The job without some of its events, with their dead letters."""
        return job.without(indices, letters, self._engine)

    def score(self, jobs: Sequence[DecisionJob], bundle: ModelBundle) -> None:
        """Run the kernel and the model over whole jobs; changes nothing but the jobs."""
        with self._metrics.stage("kernel"):
            self._run(jobs)
        with self._metrics.stage("score"):
            self._decider.score(jobs, bundle)

    def _run(self, jobs: Sequence[DecisionJob]) -> None:
        """Run the kernel; in one step over jobs that were planned together, of which none was changed since."""
        joint = jobs[0].joint if jobs else None
        if joint is not None and [job.plan for job in jobs] == joint.parts:
            results = self._engine.run_jointly(joint, [job.records for job in jobs])
        else:
            results = [self._engine.run(job.plan, job.records) for job in jobs]
        for job, result in zip(jobs, results, strict=True):
            job.result = result

    def challenge(self, jobs: Sequence[DecisionJob], bundle: ModelBundle) -> None:
        """Let the challenger score the same vectors."""
        self._decider.challenge(jobs, bundle)

    def screen(self, jobs: Sequence[DecisionJob], bundle: ModelBundle) -> None:
        """Find the events of a batch that need a decision."""
        self._decider.screen(jobs, bundle)

    def observe(self, jobs: Sequence[DecisionJob], bundle: ModelBundle) -> None:
        """Show the monitor the scores."""
        self._monitor.observe(jobs, bundle)

    def decide(self, job: DecisionJob, bundle: ModelBundle, now_ms: int) -> None:
        """Decide on the events of a job and build its warnings.

        Raises:
            EventFailedError: one event cannot be decided.
        """
        self._decider.decide(job, bundle)
        self._builder.build(job, bundle, now_ms)

    def count(self, job: DecisionJob) -> None:
        """Count the decisions of a job that is decided as a whole."""
        self._decider.count(job)
