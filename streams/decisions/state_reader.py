"""Reads of the live state without any effect: the status of a line, and payments tried without being made.

A try runs the kernel on the records as they are, as a worker would for the next event, and writes nothing.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.catalog import CATALOG
from features.engine import Engine, Plan, RunResult
from features.event_columns import EventColumns, from_events
from features.record_header import MAX_OFFSET
from features.store import StateLostError, StateStore
from forewarn.contracts import Transfer
from forewarn.contracts.fraud_warning import Source
from forewarn.contracts.payment_answer import LineNow, PaymentAnswer
from forewarn.errors import DependencyUnavailableError
from forewarn.platform.pseudonyms import Pseudonymiser
from models.policy import EventFacts, Lists
from streams.model.bundle import ModelBundle
from streams.pipeline.messages import reasons
from streams.pipeline.payment_answers import LINE_FEATURES, line_now

_TRANSFERS = 1
_LINE = [CATALOG.slot(name) for name in LINE_FEATURES]
_KNOWN = CATALOG.slot("subscriber_age_days")
_IDLE = CATALOG.slot("subscriber_idle_minutes")


@dataclass(frozen=True, slots=True)
class LineReading:
    """A line as the state has it.

    Attributes:
        known: whether the state has heard of the line.
        line: its status.
        idle_minutes: since the last event of the line; None if unknown.
    """

    known: bool
    line: LineNow
    idle_minutes: float | None


class StateReader:
    """Reads records and runs the kernel on them.

    Args:
        store: opened; never written.
        engine: the feature kernel.
        pseudonymiser: of the records' keys.
        bundle: returns the model and policy in use now.
        lists: lists in force.
        executor: for the kernel and the model, off the event loop.
    """

    def __init__(
        self,
        store: StateStore,
        engine: Engine,
        pseudonymiser: Pseudonymiser,
        *,
        bundle: Callable[[], ModelBundle],
        lists: Lists,
        executor: Executor,
    ) -> None:
        self._store = store
        self._engine = engine
        self._pseudonymiser = pseudonymiser
        self._bundle = bundle
        self._lists = lists
        self._executor = executor

    async def line(self, number: str, now_ms: int) -> LineReading:
        """The status of a line.

        Args:
            number: the subscriber's.
            now_ms: UTC milliseconds.

        Raises:
            DependencyUnavailableError: Redis does not answer.
        """
        probe = Transfer(
            event_id="line-status",
            event_time_ms=now_ms,
            subscriber=number,
            transfer_id="line-status",
            status="attempted",
            payer_account="none",
            payee_account="none",
            amount_minor=0,
        )
        _, vector = await self._vector(probe)
        known = not np.isnan(vector[_KNOWN])
        idle = float(vector[_IDLE])
        return LineReading(
            known=known,
            line=line_now(vector[_LINE].tolist()),
            idle_minutes=None if np.isnan(idle) else round(idle, 1),
        )

    async def try_payment(self, event: Transfer, now_ms: int) -> PaymentAnswer:
        """What a worker would answer now.

        Args:
            event: an attempted transfer.
            now_ms: UTC milliseconds.

        Raises:
            DependencyUnavailableError: Redis does not answer.
        """
        plan, vector = await self._vector(event)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, self._judge, event, plan, vector, now_ms)

    async def _vector(self, event: Transfer) -> tuple[Plan, npt.NDArray[np.float32]]:
        # An offset that no record has applied yet, so that the event counts as new.
        columns = from_events(
            [event], self._pseudonymiser, source=_TRANSFERS, partition=0, offsets=[MAX_OFFSET]
        )
        plan, records = await self._read(columns)
        loop = asyncio.get_running_loop()
        result: RunResult = await loop.run_in_executor(
            self._executor, self._engine.run, plan, records
        )
        return plan, result.vectors[0]

    async def _read(self, columns: EventColumns) -> tuple[Plan, list[bytes | None]]:
        """Read records; the store is opened when it is first read, and again after a rebuild."""
        plan = self._engine.plan(columns)
        try:
            return plan, await self._store.load(plan.keys)
        except StateLostError:
            try:
                await self._store.open(create=False)
                plan = self._engine.plan(columns)  # the keys depend on the form of the store
                return plan, await self._store.load(plan.keys)
            except StateLostError as error:
                raise DependencyUnavailableError(
                    f"there is no state to read: {error.message}",
                    hint="It is there once a worker has run, or a rebuild has finished.",
                ) from None

    def _judge(
        self, event: Transfer, plan: Plan, vector: npt.NDArray[np.float32], now_ms: int
    ) -> PaymentAnswer:
        bundle, columns = self._bundle(), plan.columns
        vectors, kinds = vector.reshape(1, -1), columns.kind[:1]
        probability = float(bundle.scorer.predict(vectors, kinds)[0])
        [typology] = bundle.scorer.typology(vectors)
        facts = EventFacts(
            tenant=event.tenant,
            district=event.district,
            subscriber=int(columns.subscriber[0]),
            subject=int(columns.subject[0]),
            counterparty=int(columns.counterparty[0]),
            status="attempted",
            event_time_ms=event.event_time_ms,
            amount_minor=event.amount_minor,
            vector=vector,
        )
        verdict = bundle.policy.answer(facts, event.channel, probability, self._lists)
        contributions = bundle.scorer.contributions(vectors, kinds)[0]
        return PaymentAnswer(
            question_id="what-if",
            transfer_id=event.transfer_id,
            decision=verdict.decision,
            reason=verdict.reason,
            probability=round(probability, 6),
            expected_loss_minor=round(probability * event.amount_minor),
            currency=event.currency,
            typology=typology,  # type: ignore[arg-type]  # the artifact names known ones
            reasons=reasons(bundle.scorer.features, vector, contributions),
            line=line_now(vector[_LINE].tolist()),
            model_version=bundle.scorer.version,
            policy_version=bundle.policy.version,
            decided_at_ms=now_ms,
            counts_until_ms=bundle.policy.payments.counts_until_ms(verdict.decision, now_ms),
            source=Source("", 0, 0),
        )
