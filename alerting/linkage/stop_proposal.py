"""Which accounts of a money trail to stop, those first where most can still be saved: a pure decider."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from alerting.cases.severity import recall_chance
from alerting.linkage.money_trail import TrailAccount

StopReason = Literal[
    "money_may_be_left",
    "nothing_left",
    "stopped_already",
    "on_the_allow_list",
    "own_account",
    "has_many_payers",
    "too_old",
]

MANY_PAYERS = 1_000
"""People who paid into an account within the time that contacts are kept, from which on it is rather a shop's or
an agency's than a mule's: stopping it would hit all of them. A person may still order it."""


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What is known of an account besides its payments."""

    stopped: bool = False
    trusted: bool = False
    own: bool = False
    payers: int = 0


@dataclass(frozen=True, slots=True)
class StopProposal:
    """An account of the trail; ``saved_minor`` is what is left times the chance of a recall by its age.

    ``propose`` is whether it is among those that one act orders to be stopped.
    """

    account: TrailAccount
    propose: bool
    reason: StopReason
    saved_minor: int
    payers: int


def propose_stops(
    accounts: Sequence[TrailAccount], facts: Mapping[str, AccountFacts], now_ms: int
) -> list[StopProposal]:
    """Order the accounts of a trail by what can still be saved.

    The chance is that of the queue (``RECALL_CHANCE`` in ``alerting.cases.severity``), an assumption for the order
    and no promise.

    Args:
        accounts: of the trail.
        facts: by account; what is missing is unknown.
        now_ms: UTC milliseconds.
    """
    found = []
    for account in accounts:
        known = facts.get(account.account, AccountFacts())
        saved_minor = round(account.left_minor * recall_chance(account.last_at_ms, now_ms))
        reason = _reason(account, known, saved_minor)
        propose = reason == "money_may_be_left"
        found.append(StopProposal(account, propose, reason, saved_minor, known.payers))
    return sorted(
        found,
        key=lambda one: (not one.propose, -one.saved_minor, -one.account.left_minor, one.account.hop,
                         one.account.account),
    )  # fmt: skip


def _reason(account: TrailAccount, known: AccountFacts, saved_minor: int) -> StopReason:
    checks: tuple[tuple[bool, StopReason], ...] = (
        (known.own, "own_account"),
        (known.stopped, "stopped_already"),
        (account.left_minor <= 0, "nothing_left"),
        (known.trusted, "on_the_allow_list"),
        (known.payers >= MANY_PAYERS, "has_many_payers"),
        (saved_minor <= 0, "too_old"),
    )
    return next((reason for holds, reason in checks if holds), "money_may_be_left")
