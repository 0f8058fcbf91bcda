"""Payments between accounts, read from the contact index; every query has a bound."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import func, literal, select
from sqlalchemy.orm import Session

from alerting.db.case_tables import Case, Warning_
from alerting.db.contact_tables import Activity, Contact, ListItem
from alerting.db.order_tables import Order
from alerting.linkage.money_trail import Payment
from alerting.linkage.stop_proposal import MANY_PAYERS, AccountFacts
from alerting.orders.order_states import HOLDING

MAX_PAYMENTS = 20_000
"""Payments that one query of a hop reads at most; a trail that is cut says so."""

KEYS_A_QUERY = 500
COUNTED = 50
DAY_MS = 86_400_000
DAYS_BEFORE = 1
"""How long before a case's first event a payment to its payee belongs to it."""


def paid_by_person(session: Session, case: Case) -> list[Payment]:
    """What the person of a case paid to its payees: warned transfers that went through, and the timeline's."""
    warnings = session.scalars(
        select(Warning_).where(Warning_.case_id == case.case_id, Warning_.action != "withdraw")
    ).all()
    payees = sorted({row.payee for row in warnings if row.payee})
    if not payees or not case.subscriber:
        return []
    seen = session.scalars(
        select(Activity)
        .where(
            Activity.tenant == case.tenant,
            Activity.subscriber == case.subscriber,
            Activity.at_ms >= case.first_event_ms - DAYS_BEFORE * DAY_MS,
            Activity.kind == "transfer",
            Activity.direction == "outgoing",
            Activity.status == "completed",
            Activity.currency == case.currency,
            Activity.peer.in_(payees),
        )
        .order_by(Activity.at_ms)
        .limit(MAX_PAYMENTS)
    ).all()
    found = {
        row.subject_id: Payment(row.account, row.peer, row.amount_minor, row.at_ms) for row in seen
    }
    for row in warnings:
        gone = row.subject_kind == "transfer" and row.subject_status == "completed"
        if gone and row.payee and row.currency == case.currency:
            found.setdefault(
                row.subject_id,
                Payment(row.payer or "", row.payee, row.amount_at_risk_minor, row.event_time_ms),
            )
    return sorted(found.values(), key=lambda payment: payment.at_ms)


class Outflow:
    """Reads what accounts paid, hop by hop, within one tenant and currency.

    ``cut`` says that a hop had more payments than the bound.
    """

    def __init__(self, session: Session, tenant: str, currency: str) -> None:
        self._session = session
        self._tenant = tenant
        self._currency = currency
        self.cut = False

    def __call__(self, since: Mapping[str, int]) -> list[Payment]:
        """The payments of accounts, each from its moment on (UTC milliseconds)."""
        accounts = sorted(since)
        ours: list[Payment] = []
        theirs: list[Payment] = []
        for start in range(0, len(accounts), KEYS_A_QUERY):
            some = accounts[start : start + KEYS_A_QUERY]
            earliest_ms = min(since[account] for account in some)
            ours += self._postings("outgoing", some, earliest_ms)
            theirs += self._postings("incoming", some, earliest_ms)
        return [
            payment for payment in merged(ours, theirs) if payment.at_ms >= since[payment.payer]
        ]

    def _postings(self, direction: str, accounts: Sequence[str], since_ms: int) -> list[Payment]:
        """Postings of one side: of the payer (outgoing) or of the payee (incoming)."""
        paying = Activity.account if direction == "outgoing" else Activity.peer
        paid = Activity.peer if direction == "outgoing" else Activity.account
        rows = self._session.execute(
            select(paying, paid, Activity.amount_minor, Activity.at_ms)
            .where(
                Activity.tenant == self._tenant,
                Activity.kind == literal("transfer", literal_execute=True),
                paying.in_(accounts),
                Activity.at_ms >= since_ms,
                Activity.direction == direction,
                Activity.status == "completed",
                Activity.currency == self._currency,
            )
            # Without an order: with one, PostgreSQL walks the index of times over everyone's payments.
            .limit(MAX_PAYMENTS + 1)
        ).all()
        self.cut = self.cut or len(rows) > MAX_PAYMENTS
        return [Payment._make(row) for row in rows[:MAX_PAYMENTS] if row[1]]


def merged(ours: Sequence[Payment], theirs: Sequence[Payment]) -> list[Payment]:
    """The payments that two sides report, each once.

    A transfer between two protected people is two postings with ids of their own. Of postings with one payer, payee
    and amount, the side that reports more is believed, so two equal payments stay two.
    """
    sides: dict[tuple[str, str, int], tuple[list[Payment], list[Payment]]]
    sides = defaultdict(lambda: ([], []))
    for number, payments in enumerate((ours, theirs)):
        for payment in payments:
            sides[payment.payer, payment.payee, payment.amount_minor][number].append(payment)
    return [payment for pair in sides.values() for payment in max(pair, key=len)]


def facts_of_accounts(
    session: Session, tenant: str, accounts: Sequence[str], own: frozenset[str]
) -> dict[str, AccountFacts]:
    """What is known of accounts: orders that hold, the allow list, and how many people paid into them.

    Args:
        session: a transaction that reads.
        tenant: whose index, lists and orders count.
        accounts: of the trail; payers are counted of the first ``COUNTED``.
        own: accounts of the person.
    """
    stopped: set[str] = set()
    trusted: set[str] = set()
    for start in range(0, len(accounts), KEYS_A_QUERY):
        some = list(accounts[start : start + KEYS_A_QUERY])
        stopped |= set(
            session.scalars(
                select(Order.payee_account).where(
                    Order.tenant == tenant,
                    Order.kind == "stop_account",
                    Order.state.in_(HOLDING),
                    Order.payee_account.in_(some),
                )
            )
        )
        trusted |= set(
            session.scalars(
                select(ListItem.peer).where(
                    ListItem.tenant == tenant,
                    ListItem.list == "allow",
                    ListItem.kind == "account",
                    ListItem.state == "active",
                    ListItem.peer.in_(some),
                )
            )
        )
    payers = _payers(session, tenant, list(accounts)[:COUNTED])
    return {
        account: AccountFacts(
            account in stopped, account in trusted, account in own, payers.get(account, 0)
        )
        for account in accounts
    }


def _payers(session: Session, tenant: str, accounts: Sequence[str]) -> dict[str, int]:
    """How many people paid into each account, up to the bound; one statement for all."""
    if not accounts:
        return {}
    counts = []
    for account in accounts:
        some = (
            select(literal(1))
            .where(Contact.tenant == tenant, Contact.kind == "account", Contact.peer == account)
            .limit(MANY_PAYERS)
            .subquery()
        )
        counts.append(select(func.count()).select_from(some).scalar_subquery())
    found = session.execute(select(*counts)).one()
    return dict(zip(accounts, found, strict=True))
