"""Who may put what on which list: a pure decider with named reasons."""

from typing import Literal

from forewarn.contracts.list_entry import ListName, PeerKind

ItemState = Literal["proposed", "active", "removed", "expired", "rejected"]

FOUR_EYES: frozenset[str] = frozenset({"allow", "pair"})
"""Lists that switch warnings off: an entry needs a second person."""

LONGEST_DAYS: dict[str, int] = {"allow": 365, "pair": 365, "block": 3650, "watch": 90}
DAY_MS = 86_400_000


def decide_entry(
    name: ListName,
    kind: PeerKind,
    *,
    subscriber: str | None,
    expires_at_ms: int | None,
    now_ms: int,
) -> str | None:
    """The reason why an entry cannot be, or None.

    Every entry but a block has to expire: trust and suspicion both grow stale.
    """
    if (name == "pair") != (subscriber is not None):
        return "pair_needs_a_subscriber"
    if name == "watch" and kind not in ("phone", "account"):
        return "unknown_kind"
    if expires_at_ms is None:
        return None if name == "block" else "needs_an_expiry"
    if expires_at_ms <= now_ms:
        return "expired_already"
    if expires_at_ms > now_ms + LONGEST_DAYS[name] * DAY_MS:
        return "expires_too_late"
    return None


def first_state(name: ListName) -> ItemState:
    """The state of a new entry."""
    return "proposed" if name in FOUR_EYES else "active"


def decide_approval(state: str, owner: str, approver: str) -> str | None:
    """The reason why this person may not approve this entry, or None."""
    if state != "proposed":
        return f"not_proposed_but_{state}"
    return "needs_a_second_person" if owner == approver else None
