"""Calls and transfers as rows of the timeline and edges of the contact index: pure functions."""

from dataclasses import dataclass
from typing import Any

from forewarn.contracts.call import CallEnded, CallEvent, CallStarted, LineChanged
from forewarn.contracts.transfer import Transfer


@dataclass(frozen=True, slots=True)
class Edge:
    """One contact of a subscriber with a number or account; ``paid_minor`` if the subscriber paid."""

    tenant: str
    subscriber: str
    kind: str
    peer: str
    district: str
    at_ms: int
    paid_minor: int


@dataclass(frozen=True, slots=True)
class SeenContact:
    """One event as the index takes it in: its row, and its edge if it has another side.

    ``counts_once`` is the row's identity in the index; an edge is counted when that is first seen
    and paid when the transfer is first seen completed.
    """

    row: dict[str, Any]
    edge: Edge | None
    completed: bool

    @property
    def key(self) -> tuple[str, str, str]:
        """Primary key of the row."""
        return (self.row["tenant"], self.row["subject_id"], self.row["kind"])


def from_call(event: CallEvent, offset: int) -> SeenContact:
    """A call start, a call record or a change of the line."""
    if isinstance(event, LineChanged):
        status = f"{event.setting}_{'on' if event.active else 'off'}"
        row = _row(event, event.event_id, "line", event.event_time_ms, status, offset)
        return SeenContact(row, None, completed=False)
    outbound = event.direction == "outbound"
    peer = event.callee if outbound else event.caller
    row = _row(event, event.call_id, "call", _began_ms(event), _call_status(event), offset)
    row |= {"direction": event.direction, "peer": peer or ""}
    if isinstance(event, CallEnded):
        row["duration_ms"] = event.duration_ms
    if peer is None:  # withheld: no party to warn others of
        return SeenContact(row, None, completed=False)
    edge = Edge(
        tenant=event.tenant,
        subscriber=event.subscriber,
        kind="phone",
        peer=peer,
        district=event.district,
        at_ms=event.event_time_ms,
        paid_minor=0,
    )
    return SeenContact(row, edge, completed=False)


def from_transfer(event: Transfer, offset: int) -> SeenContact:
    """A posting; the peer is the account on the other side."""
    outgoing = event.direction == "outgoing"
    peer = event.payee_account if outgoing else event.payer_account
    row = _row(event, event.transfer_id, "transfer", event.event_time_ms, event.status, offset)
    row |= {
        "direction": event.direction,
        "peer": peer,
        "account": event.payer_account if outgoing else event.payee_account,
        "amount_minor": event.amount_minor,
        "currency": event.currency,
    }
    completed = outgoing and event.status == "completed"
    edge = Edge(
        tenant=event.tenant,
        subscriber=event.subscriber,
        kind="account",
        peer=peer,
        district=event.district,
        at_ms=event.event_time_ms,
        paid_minor=event.amount_minor if completed else 0,
    )
    return SeenContact(row, edge, completed=completed)


def _call_status(event: CallStarted | CallEnded) -> str:
    if isinstance(event, CallStarted):
        return "on_call"
    return "ended" if event.answered else "unanswered"


def _began_ms(event: CallStarted | CallEnded) -> int:
    return event.started_at_ms if isinstance(event, CallEnded) else event.event_time_ms


def _row(
    event: CallEvent | Transfer, subject_id: str, kind: str, at_ms: int, status: str, offset: int
) -> dict[str, Any]:
    return {
        "tenant": event.tenant,
        "subject_id": subject_id,
        "kind": kind,
        "subscriber": event.subscriber,
        "at_ms": at_ms,
        "status": status,
        "direction": "",
        "peer": "",
        "account": "",
        "amount_minor": 0,
        "currency": "",
        "duration_ms": 0,
        "source_offset": offset,
    }
