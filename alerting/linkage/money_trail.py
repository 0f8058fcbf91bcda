"""Where a person's money went from the payee's account on: pure functions over payments.

From the moment the money arrives, an account passes on that money first, up to what has arrived; what it
does not pass on may be left there. So the amounts of all accounts add up to what the person paid, and a payment
that the account made before the money came never counts. Whether the money that is left is really the person's is
for a court; for stopping it in time, the order of payments is what is known (the "first out" rule of tracing; the
other common rule, in proportion, spreads small amounts over all of an account's customers).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

HOPS = 3
"""How many accounts behind the payee's are followed."""


class Payment(NamedTuple):
    """A payment that went through: accounts, minor units, UTC milliseconds."""

    payer: str
    payee: str
    amount_minor: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class TrailStep:
    """A payment of the trail, and how much of the person's money it carried."""

    payment: Payment
    hop: int
    carried_minor: int


@dataclass(slots=True)
class TrailAccount:
    """An account that the money reached; ``hop`` 0 is the payee's own.

    ``received_minor`` is what arrived of the person's money, ``left_minor`` what was not passed on, the newest
    of it at ``last_at_ms``.
    """

    account: str
    hop: int
    received_minor: int = 0
    left_minor: int = 0
    first_at_ms: int = 0
    last_at_ms: int = 0
    sources: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Trail:
    """The accounts by hop, and the payments between them."""

    accounts: tuple[TrailAccount, ...]
    steps: tuple[TrailStep, ...]


Outflows = Callable[[Mapping[str, int]], Sequence[Payment]]
"""The payments of accounts from a moment on: by account, UTC milliseconds."""


def follow(start: Sequence[Payment], outflows: Outflows, *, hops: int = HOPS) -> Trail:
    """Follow payments from account to account.

    Args:
        start: what the person paid.
        outflows: what accounts paid since the money reached them.
        hops: how many accounts behind the payee's are followed.
    """
    known: dict[str, TrailAccount] = {}
    steps = [TrailStep(payment, 0, payment.amount_minor) for payment in start]
    layer = list(steps)
    for hop in range(hops + 1):
        arrivals = _arrive(known, layer, hop)
        for account, came in arrivals.items():
            known[account].left_minor += sum(step.carried_minor for step in came)
        if hop == hops or not arrivals:
            break
        since = {
            account: min(step.payment.at_ms for step in came) for account, came in arrivals.items()
        }
        paid = _by_payer(outflows(since))
        layer = []
        for account, came in arrivals.items():
            passed = _pass_on(came, paid.get(account, ()), hop + 1)
            known[account].left_minor -= sum(step.carried_minor for step in passed)
            layer += passed
        steps += layer
    return Trail(tuple(known.values()), tuple(steps))


def _arrive(
    known: dict[str, TrailAccount], layer: Sequence[TrailStep], hop: int
) -> dict[str, list[TrailStep]]:
    """Book what a layer carries; returns the arrivals of accounts that were not reached before.

    Money that comes back to an account of the trail stays there: it was followed once.
    """
    fresh: dict[str, list[TrailStep]] = {}
    for step in layer:
        account, at_ms = step.payment.payee, step.payment.at_ms
        found = known.get(account)
        if found is None:
            found = known[account] = TrailAccount(account, hop, first_at_ms=at_ms, last_at_ms=at_ms)
            fresh[account] = []
        found.received_minor += step.carried_minor
        found.first_at_ms = min(found.first_at_ms, at_ms)
        found.last_at_ms = max(found.last_at_ms, at_ms)
        found.sources.add(step.payment.payer)
        if account in fresh:
            fresh[account].append(step)
        else:
            found.left_minor += step.carried_minor
    return fresh


def _pass_on(came: Sequence[TrailStep], paid: Sequence[Payment], hop: int) -> list[TrailStep]:
    """How an account's payments carry what has arrived, in the order of time; an arrival counts first."""
    moments: list[tuple[int, int, TrailStep | Payment]] = [
        (step.payment.at_ms, 0, step) for step in came
    ]
    moments += [(payment.at_ms, 1, payment) for payment in paid]
    balance_minor = 0
    passed = []
    for _, _, moment in sorted(moments, key=lambda entry: entry[:2]):
        if isinstance(moment, TrailStep):
            balance_minor += moment.carried_minor
            continue
        carried_minor = min(balance_minor, moment.amount_minor)
        if carried_minor and moment.payee != moment.payer:
            balance_minor -= carried_minor
            passed.append(TrailStep(moment, hop, carried_minor))
    return passed


def _by_payer(payments: Sequence[Payment]) -> dict[str, list[Payment]]:
    found: dict[str, list[Payment]] = {}
    for payment in payments:
        found.setdefault(payment.payer, []).append(payment)
    return found
