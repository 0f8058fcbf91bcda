"""Reports of gateways about deliveries that they accepted."""

from collections.abc import Collection
from typing import Literal

from sqlalchemy import select

from alerting.db.database import Database
from alerting.db.dispatch_tables import Delivery
from alerting.notify.dispatch import delivery_results
from alerting.notify.dispatch.retry_decision import State
from alerting.service_errors import NotFoundError, StepRefusedError
from forewarn.platform.clock import Clock

GatewayResult = Literal["confirmed", "answered", "no_answer", "busy", "refused", "other_no_answer"]
STATES: dict[GatewayResult, State] = {
    "confirmed": "confirmed",
    "answered": "confirmed",
    "no_answer": "unanswered",
    "busy": "unanswered",
    "refused": "failed",
    "other_no_answer": "unanswered",
}


class GatewayReports:
    """Records reports; the caller has checked their signature."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    def take(self, delivery_id: str, result: GatewayResult, *, channels: Collection[str]) -> str:
        """Record a report; the same report again changes nothing.

        Args:
            delivery_id: the delivery.
            result: the gateway's result.
            channels: the reporter's channels; deliveries of others do not exist for it.

        Returns:
            The delivery's state.

        Raises:
            NotFoundError: the reporter has no such delivery.
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
            if found == "pending" or not delivery_results.report(
                self._db, session, delivery_id, state, "gateway", self._clock(),
                missing="other" if result == "other_no_answer" else "",
            ):  # fmt: skip
                raise StepRefusedError(
                    f"Delivery {delivery_id} is {found}.", code=f"delivery_is_{found}"
                )
        return state
