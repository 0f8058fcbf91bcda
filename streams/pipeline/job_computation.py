"""The computation of jobs: columns, vectors, scores, decisions and warnings.

Each step raises what goes wrong in it; ``Quarantine`` calls the steps and isolates the event at fault.
"""

from collections.abc import Sequence

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

    def new_job(
        self, partition: OpenPartition, chunk: Chunk, number: int, *, recovering: bool
    ) -> DecisionJob:
        """The columns of a chunk, and the plan of the records that it needs.

        Args:
            partition: of the chunk.
            chunk: the events.
            number: of the chunk.
            recovering: the chunk is repeated from its journal.
        """
        columns, rows = columns_of(chunk, self._pseudonymiser)
        plan = self._engine.plan(columns)
        return DecisionJob(partition, chunk, columns, rows, plan, number, recovering)

    def try_columns(self, chunk: Chunk) -> None:
        """Make columns and plan of a chunk only to see whether that raises."""
        columns, _ = columns_of(chunk, self._pseudonymiser)
        self._engine.plan(columns)

    def without(
        self, job: DecisionJob, indices: Sequence[int], letters: Sequence[DeadLetter]
    ) -> DecisionJob:
        """The job without some of its events, with their dead letters."""
        return job.without(indices, letters, self._engine)

    def score(self, jobs: Sequence[DecisionJob], bundle: ModelBundle) -> None:
        """Run the kernel and the model over whole jobs; changes nothing but the jobs."""
        with self._metrics.stage("kernel"):
            for job in jobs:
                job.result = self._engine.run(job.plan, job.records)
        with self._metrics.stage("score"):
            self._decider.score(jobs, bundle)

    def challenge(self, jobs: Sequence[DecisionJob], bundle: ModelBundle) -> None:
        """Let the challenger score the same vectors."""
        self._decider.challenge(jobs, bundle)

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
