"""The texts of a sweep: who gets one, and its row in the deliveries."""

import hashlib

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from alerting.cases.timers.timer_schedule import ADVISE
from alerting.db.contact_tables import Contact, Sweep
from alerting.db.dispatch_tables import Delivery
from alerting.linkage.sweep_decision import SweepTexts, Touched

DAY_MS = 86_400_000
SWEEP_PRIORITY = 0
"""Behind every delivery of a case: a case is happening now, a sweep concerns the past."""


def texts_of(
    session: Session,
    sweep: Sweep,
    *,
    can_text: bool,
    quiet_days: int,
    budget_per_day: int,
    now_ms: int,
) -> SweepTexts:
    """Who must not be texted.

    A swindler is confirmed in many cases, and a case confirms several of their numbers; each would
    text the same people again.
    """
    if not can_text:
        return SweepTexts(can_text=False)
    notified = session.scalars(
        select(Delivery.subscriber)
        .join(Sweep, Sweep.sweep_id == Delivery.sweep_id)
        .where(
            Sweep.tenant == sweep.tenant,
            or_(
                (Sweep.kind == sweep.kind) & (Sweep.peer == sweep.peer),
                Sweep.case_id == sweep.case_id,
            ),
            Delivery.state != "cancelled",
            Delivery.created_at_ms > now_ms - quiet_days * DAY_MS,
        )
    )
    touched = select(Contact.subscriber).where(
        Contact.tenant == sweep.tenant, Contact.kind == sweep.kind, Contact.peer == sweep.peer
    )
    # Counted as the dispatch counts the messages to the victim of a case.
    over_budget = session.scalars(
        select(Delivery.subscriber)
        .where(
            Delivery.tenant == sweep.tenant,
            Delivery.subscriber.in_(touched),
            Delivery.recipient == "victim",
            Delivery.state.not_in(("cancelled", "failed")),
            Delivery.created_at_ms > now_ms - DAY_MS,
        )
        .group_by(Delivery.subscriber)
        .having(func.count() >= budget_per_day)
    )
    return SweepTexts(can_text and budget_per_day > 0, frozenset(notified), frozenset(over_budget))


def advice(
    sweep: Sweep, person: Touched, reason: str, language: str, now_ms: int
) -> dict[str, object]:
    """The row of a text to a person of the first degree."""
    name = f"{sweep.sweep_id}/{sweep.requested_at_ms}/{person.subscriber}"
    return {
        "delivery_id": f"d-{hashlib.blake2b(name.encode(), digest_size=12).hexdigest()}",
        "case_id": None,
        "sweep_id": sweep.sweep_id,
        "tenant": sweep.tenant,
        "district": person.district,
        "subscriber": person.subscriber,
        "channel": "sms",
        "purpose": ADVISE,
        "recipient": "victim",
        "address": person.subscriber,
        "team": "",
        "template": "sweep_advice",
        "language": language,
        "content": {},
        "reason": reason,
        "state": "pending",
        "priority": SWEEP_PRIORITY,
        "group_key": sweep.sweep_id,
        "not_before_ms": now_ms,
        "lease_owner": "",
        "lease_until_ms": 0,
        "attempts": 0,
        "last_error": "",
        "provider_reference": "",
        "batch_id": "",
        "created_at_ms": now_ms,
    }
