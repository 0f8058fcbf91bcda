"""What gateways report about a delivery after they took it."""

from collections.abc import Collection
from typing import Literal

from sqlalchemy import select

from alerting.clock import Clock
from alerting.db.dispatch import Delivery
from alerting.db.engine import Database
from alerting.dispatch import record
from alerting.dispatch.attempt import State
from alerting.errors import NotFoundError, StepRefusedError

GatewayResult = Literal["confirmed", "answered", "no_answer", "busy", "refused"]
STATES: dict[GatewayResult, State] = {
    "confirmed": "confirmed",
    "answered": "confirmed",
    "no_answer": "unanswered",
    "busy": "unanswered",
    "refused": "failed",
}


class GatewayReports:
    """Takes in reports; the caller has checked their signature."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    def take(self, delivery_id: str, result: GatewayResult, *, channels: Collection[str]) -> str:
        """Record a report; the same report again changes nothing.

        Args:
            channels: those that the reporter answers for; other deliveries do not exist for it.

        Returns:
            The delivery's state.

        Raises:
            NotFoundError: no such delivery.
            StepRefusedError: it is settled otherwise, or was never sent.
        """
        state = STATES[result]
        with self._db.write() as session:
            found = session.scalar(
                select(Delivery.state).where(
                    Delivery.delivery_id == delivery_id, Delivery.channel.in_(sorted(channels))
                )
            )
            if found is None:
                raise NotFoundError("delivery", delivery_id)
            if found == state:
                return state
            if found == "pending" or not record.report(
                self._db, session, delivery_id, state, "gateway", self._clock()
            ):
                raise StepRefusedError(
                    f"Delivery {delivery_id} is {found}.", code=f"delivery_is_{found}"
                )
        return state
