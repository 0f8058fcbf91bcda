"""Sends the calls of webhooks: in order for each target, again after a fault, and never for ever."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import httpx
from sqlalchemy import delete, select

from alerting.db.database import Database
from alerting.db.lease import hold
from alerting.db.webhook_tables import WebhookCall
from alerting.notify.channels.channel import ChannelRefusedError, ChannelUnavailableError
from alerting.notify.channels.http_channel import post
from alerting.notify.webhooks.webhook_log import WebhookTarget, take_over
from alerting.service_metrics import WEBHOOKS
from forewarn.platform.clock import Clock

LEASE = "webhooks"
LEASE_SECONDS = 120.0
IDLE_SECONDS = 1.0
CALLS_A_TURN = 20
MAX_ATTEMPTS = 12
FIRST_PAUSE_MS = 5_000
LONGEST_PAUSE_MS = 3_600_000
"""Twelve attempts with doubled pauses last almost four hours."""

KEPT_DAYS = 30
DAY_MS = 86_400_000


class WebhookSender:
    """Serves the targets, on one replica, as a background task.

    Args:
        db: the database.
        clock: UTC milliseconds.
        targets: where calls go; each is served in a thread of its own.
        client: with its time-out set.
        owner: the replica's name in leases.
    """

    def __init__(
        self,
        db: Database,
        clock: Clock,
        targets: Sequence[WebhookTarget],
        client: httpx.Client,
        *,
        owner: str,
    ) -> None:
        self._db = db
        self._clock = clock
        self._targets = targets
        self._client = client
        self._owner = owner
        self._pool = ThreadPoolExecutor(max(1, len(targets)), thread_name_prefix="webhooks")

    def turn(self, _stop: threading.Event) -> float:
        """Take new events over and send what is due; return the pause after it, in seconds."""
        now_ms = self._clock()
        if not self._targets or not hold(self._db, LEASE, self._owner, LEASE_SECONDS, now_ms):
            return IDLE_SECONDS
        busy = list(self._pool.map(self.serve, self._targets))
        with self._db.write() as session:
            session.execute(
                delete(WebhookCall).where(WebhookCall.created_at_ms < now_ms - KEPT_DAYS * DAY_MS)
            )
        return 0.0 if any(busy) else IDLE_SECONDS

    def close(self) -> None:
        """Wait for the calls under way."""
        self._pool.shutdown()
        self._client.close()

    def serve(self, target: WebhookTarget) -> bool:
        """Send the due calls of a target in order, up to the first that fails; True if more are due."""
        now_ms = self._clock()
        with self._db.write() as session:
            taken = take_over(session, target, now_ms)
        with self._db.read() as session:
            due = session.scalars(
                select(WebhookCall)
                .where(WebhookCall.target == target.name, WebhookCall.state == "pending")
                .order_by(WebhookCall.event_no)
                .limit(CALLS_A_TURN)
            ).all()
        sent = 0
        for call in due:
            if call.next_at_ms > now_ms or not self._send(target, call):
                break
            sent += 1
        return bool(taken) or sent == CALLS_A_TURN

    def _send(self, target: WebhookTarget, call: WebhookCall) -> bool:
        """Send one call and record its result; False if it has to be sent again."""
        key = str(call.body["delivery_id"])
        fault = ""
        try:
            post(self._client, target.url, target.secret, call.body, key, self._clock())
            state = "sent"
        except ChannelRefusedError as error:
            state, fault = "refused", str(error)
        except ChannelUnavailableError as error:
            state, fault = "pending", str(error)
        except Exception as error:  # noqa: BLE001 - one call must not stop those behind it
            state, fault = "pending", type(error).__name__
        attempts = call.attempts + 1
        if state == "pending" and attempts >= MAX_ATTEMPTS:
            state = "given_up"
        now_ms = self._clock()
        with self._db.write() as session:
            row = session.get(WebhookCall, (call.target, call.event_no))
            if row is not None:
                row.state, row.attempts, row.last_error = state, attempts, fault[:500]
                row.next_at_ms = now_ms + pause_ms(attempts)
                row.sent_at_ms = now_ms if state == "sent" else None
        WEBHOOKS.labels(target.name, "again" if state == "pending" else state).inc()
        return state != "pending"


def pause_ms(attempts: int) -> int:
    """The pause after so many attempts: 5 s, 10 s, 20 s ... an hour."""
    return int(min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** min(attempts - 1, 20)))
