"""An estimate of the loss that a case prevented: a pure decider. Amounts are integer minor units.

* While a case is open, the loss that its warnings expect is *estimated*. A call that asks for
  money and the transfer that pays it are the same money, so calls count only as long as the case
  has no transfer.
* When it closes, transfers that were attempted and did not go through are *confirmed*, or the
  expected loss if none was attempted yet. The responder may state the amount, up to the sum of
  those transfers, or without a transfer up to the amount at risk.
* The money of a withdrawn warning was not in danger. It counts only where a bank blocked or
  reversed the transfer all the same, since then the bank saw the fraud.
* Later losses are taken back from the confirmed amount, never below zero.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from forewarn.contracts.outcome import Disposition

NOT_A_TRANSFER = ""
"""The transfer id of money that no transfer was attempted for yet."""


STOPPED = frozenset({"blocked", "reversed"})
"""Statuses of a transfer that a bank undid; it was a fraud even if its warning was withdrawn."""


@dataclass(frozen=True, slots=True)
class WarnedMoney:
    """The money of one warning; ``claimed_elsewhere`` if another case counts the transfer."""

    transfer_id: str | None
    status: str
    event_time_ms: int
    amount_minor: int
    expected_loss_minor: int
    claimed_elsewhere: bool = False
    withdrawn: bool = False

    @property
    def stands(self) -> bool:
        """Whether the money is still in danger."""
        return not self.withdrawn or self.status in STOPPED


def estimate(warned: Sequence[WarnedMoney]) -> dict[str, int]:
    """The estimated account of an open case: amount per transfer id.

    A completed transfer can no longer be prevented and counts as zero.
    """
    transfers = {
        money.transfer_id: money.expected_loss_minor
        for money in warned
        if money.transfer_id and money.status != "completed" and not money.claimed_elsewhere
    }
    if any(money.transfer_id for money in warned):
        return {key: amount for key, amount in transfers.items() if amount}
    expected = max((money.expected_loss_minor for money in warned), default=0)
    return {NOT_A_TRANSFER: expected} if expected else {}


def confirm(
    disposition: Disposition,
    warned: Sequence[WarnedMoney],
    *,
    stated_minor: int | None,
    window_ms: int,
) -> dict[str, int]:
    """The confirmed account of a case that closes: amount per transfer id.

    Args:
        disposition: only ``dissuaded`` and ``loss_occurred`` prevent anything; with a loss, only
            what was blocked or reversed.
        warned: the case's warnings, withdrawn ones included.
        stated_minor: the prevented amount that the responder states, or None to count it.
        window_ms: attribution window: transfers earlier than this before the last warning were not
            stopped by it.
    """
    if disposition not in ("dissuaded", "loss_occurred"):
        return {}
    at_risk_minor = _at_risk(warned)
    warned = [money for money in warned if money.stands]
    stopped = STOPPED | ({"attempted"} if disposition == "dissuaded" else set())
    last_ms = max((money.event_time_ms for money in warned), default=0)
    counted = {
        money.transfer_id: money.amount_minor
        for money in warned
        if money.transfer_id
        and money.status in stopped
        and not money.claimed_elsewhere
        and last_ms - money.event_time_ms <= window_ms
    }
    if disposition == "dissuaded" and not any(money.transfer_id for money in warned):
        expected = max((money.expected_loss_minor for money in warned), default=0)
        counted = {NOT_A_TRANSFER: expected}
    if stated_minor is not None:
        bound_minor = sum(counted.values())
        has_transfers = any(money.transfer_id and not money.claimed_elsewhere for money in warned)
        if disposition == "dissuaded" and not has_transfers:
            bound_minor = max(bound_minor, at_risk_minor)
        counted = _fit(counted, min(stated_minor, bound_minor))
    return {key: amount for key, amount in counted.items() if amount}


def take_back(
    confirmed: Mapping[str, int], *, transfer_id: str | None, lost_minor: int
) -> dict[str, int]:
    """The confirmed account after a loss, taken from its transfer first and then from the others."""
    left = dict(confirmed)
    order = sorted(left, key=lambda key: (key != transfer_id, key != NOT_A_TRANSFER, key))
    for key in order:
        taken = min(left[key], lost_minor)
        left[key] -= taken
        lost_minor -= taken
    return {key: amount for key, amount in left.items() if amount}


def _at_risk(warned: Sequence[WarnedMoney]) -> int:
    """The largest amount at risk among the warnings.

    Where all were withdrawn, the responder who still dissuaded the victim knows better.
    """
    mine = [money for money in warned if not money.claimed_elsewhere]
    standing = [money for money in mine if money.stands]
    return max((money.amount_minor for money in standing or mine), default=0)


def _fit(counted: Mapping[str, int], total: int) -> dict[str, int]:
    """Bring the sum to ``total``: the largest amounts are cut first, a rest belongs to no transfer."""
    fitted: dict[str, int] = {}
    for key in sorted(counted, key=lambda key: (counted[key], key)):
        fitted[key] = min(counted[key], total)
        total -= fitted[key]
    if total:
        fitted[NOT_A_TRANSFER] = fitted.get(NOT_A_TRANSFER, 0) + total
    return fitted
