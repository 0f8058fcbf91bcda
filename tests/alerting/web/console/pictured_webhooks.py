"""Made-up calls of webhooks for pictures: most arrived, one is tried again, one was given up."""

from alerting.db.webhook_tables import WebhookCall
from alerting.web.service_container import Services
from tests.alerting.factory import MINUTE_MS
from tests.alerting.web.console.pictured import NOON_MS

CALLS = (
    ("tickets", "opened", "sent", 1, "", 31),
    ("tickets", "claimed", "sent", 1, "", 29),
    ("province", "opened", "refused", 1, "HTTP 422", 31),
    ("tickets", "contacted", "sent", 2, "", 24),
    ("province", "upgraded", "given_up", 8, "HTTP 503", 22),
    ("tickets", "appealed", "pending", 3, "HTTP 503", 4),
)
"""Target, event, state, attempts, the last fault, and minutes ago."""


def fill(services: Services, case_id: str) -> None:
    """Write the calls about one case."""
    with services.db.write() as session:
        for number, (target, event, state, attempts, fault, minutes) in enumerate(CALLS, 1):
            at_ms = NOON_MS - minutes * MINUTE_MS
            session.add(
                WebhookCall(
                    target=target, event_no=number, case_id=case_id, tenant="default",
                    district="430405", event=event, body={}, state=state, attempts=attempts,
                    next_at_ms=NOON_MS, created_at_ms=at_ms, last_error=fault,
                )
            )  # fmt: skip
