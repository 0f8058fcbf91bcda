"""Who may put what on which list: a pure decider with named reasons."""

from typing import Literal

from alerting.linkage.lists.peer_numbers import decide_peer, is_service_number
from forewarn.contracts.list_entry import ListName, PeerKind

ItemState = Literal["proposed", "active", "removed", "expired", "rejected"]

LONGEST_DAYS: dict[str, int] = {"allow": 365, "pair": 365, "block": 3650, "watch": 90}
DAY_MS = 86_400_000


def decide_entry(
    name: ListName,
    kind: PeerKind,
    peer: str,
    *,
    subscriber: str | None,
    expires_at_ms: int | None,
    now_ms: int,
) -> str | None:
    """The reason why a person may not propose an entry, or None.

    Every entry by a person has to expire, since trust and suspicion both grow stale. Numbers of
    banks and authorities can be trusted, but neither blocked nor watched.
    """
    fault = decide_peer(kind, peer)
    if fault:
        return fault
    if name in ("block", "watch") and is_service_number(kind, peer):
        return "service_number"
    if (name == "pair") != (subscriber is not None):
        return "pair_needs_a_subscriber"
    return _decide_expiry(name, expires_at_ms, now_ms)


def _decide_expiry(name: ListName, expires_at_ms: int | None, now_ms: int) -> str | None:
    if expires_at_ms is None:
        return "needs_an_expiry"
    if expires_at_ms <= now_ms:
        return "expired_already"
    if expires_at_ms > now_ms + LONGEST_DAYS[name] * DAY_MS:
        return "expires_too_late"
    return None


def decide_approval(state: str, owner: str, approver: str) -> str | None:
    """The reason why this person may not approve this entry, or None."""
    if state != "proposed":
        return f"not_proposed_but_{state}"
    return "needs_a_second_person" if owner == approver else None
