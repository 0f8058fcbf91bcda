"""Follow the money of a case, and stop the accounts where most of it may be left."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from alerting.access import Principal
from alerting.cases import history
from alerting.cases.history import AuditEntry
from alerting.db.case_tables import Case
from alerting.db.database import Database
from alerting.db.order_tables import Order
from alerting.linkage.money_rows import Outflow, facts_of_accounts, paid_by_person
from alerting.linkage.money_trail import HOPS, Trail, follow
from alerting.linkage.stop_proposal import StopProposal, propose_stops
from alerting.orders.order_rows import OrderRequest
from alerting.orders.order_service import OrderService, case_in
from alerting.service_errors import InvalidRequestError
from forewarn.platform.clock import Clock
from forewarn.platform.pseudonyms import Pseudonymiser, to_hex

MAX_STOPS = 50
"""Accounts that one act stops."""


@dataclass(frozen=True, slots=True)
class MoneyTrail:
    """The trail of a case: what the person paid, where it went, and what to stop first.

    ``keys`` names each account by a keyed hash, so that a page can name one without its number. ``cut`` says that
    a hop had more payments than are read.
    """

    case: Case
    trail: Trail
    proposals: tuple[StopProposal, ...]
    keys: dict[str, str]
    paid_minor: int
    cut: bool

    @property
    def chosen(self) -> list[StopProposal]:
        """What one act stops if no other choice is made."""
        return [one for one in self.proposals if one.propose][:MAX_STOPS]


class MoneyStops:
    """Traces payments through the contact index and orders stops.

    Args:
        db: of the index and the orders.
        clock: UTC milliseconds.
        orders: places the stops.
        pseudonyms: keys the accounts.
    """

    def __init__(
        self, db: Database, clock: Clock, orders: OrderService, pseudonyms: Pseudonymiser
    ) -> None:
        self._db = db
        self._clock = clock
        self._orders = orders
        self._pseudonyms = pseudonyms

    def trace(self, case_id: str, who: Principal, *, hops: int = HOPS) -> MoneyTrail:
        """Follow the money of a case; the audit log has who looked, before the answer leaves.

        Raises:
            NotFoundError: no such case in the caller's scope.
        """
        now_ms = self._clock()
        with self._db.read() as session:
            found = self._trace(session, case_in(session, who.scope, case_id), now_ms, hops)
        detail = {
            "accounts": len(found.proposals),
            "payments": len(found.trail.steps),
            "paid_minor": found.paid_minor,
        }
        with self._db.write() as session:
            history.append(
                session, [AuditEntry(now_ms, who.subject, "money_traced", case_id, detail)]
            )
        return found

    def stop(
        self, case_id: str, who: Principal, keys: Sequence[str], *, reason: str
    ) -> list[Order]:
        """Stop accounts of the trail at once, named by their keys.

        Raises:
            NotFoundError: no such case in the caller's scope.
            InvalidRequestError: no account is named, too many are, or one is not in the trail.
            StepRefusedError: as for every order.
        """
        wanted = list(dict.fromkeys(keys))
        if not 0 < len(wanted) <= MAX_STOPS:
            raise InvalidRequestError(
                f"Between 1 and {MAX_STOPS} accounts can be stopped at once.",
                code="choose_accounts",
            )
        now_ms = self._clock()
        with self._db.read() as session:
            found = self._trace(session, case_in(session, who.scope, case_id), now_ms, HOPS)
        by_key = {found.keys[one.account.account]: one for one in found.proposals}
        missing = [key for key in wanted if key not in by_key]
        if missing:
            raise InvalidRequestError(
                "An account is not in the trail of this case any more.",
                code="trail_changed",
                hint="Reload the trail.",
            )
        requests = [
            self._request(by_key[key], reason)
            for key in wanted
            if by_key[key].reason != "stopped_already"
        ]
        return self._orders.order_all(case_id, who, requests)

    def _trace(self, session: Session, case: Case, now_ms: int, hops: int) -> MoneyTrail:
        start = paid_by_person(session, case)
        outflow = Outflow(session, case.tenant, case.currency)
        trail = follow(start, outflow, hops=hops)
        own = frozenset(payment.payer for payment in start if payment.payer)
        richest = sorted(trail.accounts, key=lambda account: -account.left_minor)
        names = [account.account for account in richest]
        facts = facts_of_accounts(session, case.tenant, names, own)
        return MoneyTrail(
            case=case,
            trail=trail,
            proposals=tuple(propose_stops(trail.accounts, facts, now_ms)),
            keys={name: to_hex(self._pseudonyms.account(name)) for name in names},
            paid_minor=sum(payment.amount_minor for payment in start),
            cut=outflow.cut,
        )

    @staticmethod
    def _request(proposal: StopProposal, reason: str) -> OrderRequest:
        account = proposal.account
        return OrderRequest(
            "stop_account",
            reason,
            payee_account=account.account,
            payer_account=min(account.sources, default=""),
            amount_minor=account.left_minor,
            occurred_at_ms=account.last_at_ms,
            source="money_trail",
            hop=account.hop,
        )
