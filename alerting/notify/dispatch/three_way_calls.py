"""Three-way calls: the voice gateway connects the person with a relative or an officer, for the holder."""

from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from alerting.access import Principal
from alerting.cases.case_steps import CaseSteps, StepRecord
from alerting.cases.party_numbers import party_fault
from alerting.db.case_tables import Case, EmergencyContact
from alerting.db.dispatch_tables import Delivery
from alerting.notify.dispatch.channel_selection import THREE_WAY, obstacle_to_calls
from alerting.notify.dispatch.delivery_composer import DispatchOptions
from alerting.notify.dispatch.delivery_rows import PROTECT, Intent, write_deliveries
from alerting.service_errors import InvalidRequestError, StepRefusedError

Other = Literal["relative", "officer"]
UNDER_WAY = ("pending", "sending", "awaiting", "sent")
LONGEST_CALL_MS = 10 * 60_000
"""A call whose gateway never reports is over by then, and may be asked for again."""


class ThreeWayCalls:
    """Asks the voice gateway for three-way calls.

    Args:
        steps: takes the step, so that only the holder or a supervisor asks.
        options: the channels that have a gateway, and the language.
    """

    def __init__(self, steps: CaseSteps, options: DispatchOptions) -> None:
        self._steps = steps
        self._options = options

    def call(self, case_id: str, who: Principal, *, other: Other, phone: str) -> Case:
        """Have the person and another one called, and connected.

        Args:
            case_id: a case that has a holder.
            who: the holder, or a supervisor.
            other: who the other one is.
            phone: the number of the other one; a relative has to be entered in the case.

        Raises:
            InvalidRequestError: the number is not that of a relative who is entered, or is the
                person's own or a suspect's.
            StepRefusedError: there is no voice gateway, the person's line must not be called, or such
                a call is under way; and as for every step.
        """

        def act(session: Session, case: Case, now_ms: int) -> StepRecord:
            self._check(session, case, other, phone, now_ms)
            intent = Intent(
                channel=THREE_WAY,
                purpose=PROTECT,
                recipient="victim",
                address=case.subscriber,
                template="three_way_call",
                reason="asked_by_holder",
                step=f"{THREE_WAY}/{case.version}",
                content={"other": other, "phone": phone},
            )
            write_deliveries(session, case, [intent], self._options.language, now_ms)
            return StepRecord("three_way_called", {"other": other})

        return self._steps.take("contact", case_id, who, act, keep_state=True)

    def _check(self, session: Session, case: Case, other: Other, phone: str, now_ms: int) -> None:
        if THREE_WAY not in self._options.available:
            raise StepRefusedError("There is no voice gateway.", code="no_voice_gateway")
        obstacle = obstacle_to_calls(case.on_call, case.forwarding_on)
        if obstacle is not None:
            raise StepRefusedError("The person's line must not be called.", code=obstacle)
        under_way = session.scalar(
            select(Delivery.delivery_id).where(
                Delivery.case_id == case.case_id,
                Delivery.channel == THREE_WAY,
                Delivery.state.in_(UNDER_WAY),
                Delivery.created_at_ms > now_ms - LONGEST_CALL_MS,
            )
        )
        if under_way is not None:
            raise StepRefusedError("Such a call is under way.", code="call_under_way")
        fault = party_fault(session, case, phone)
        if fault:
            raise InvalidRequestError(
                "This number is no help to the person.", code=fault, field="phone"
            )
        key = (case.tenant, case.subscriber, phone)
        if other == "relative" and session.get(EmergencyContact, key) is None:
            raise InvalidRequestError(
                "This is no relative of the case.", code="not_a_relative", field="phone"
            )
