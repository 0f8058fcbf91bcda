"""Events of the ``transfers`` topic: one posting of the subscriber's account, by status.

``outgoing`` means that the subscriber pays (the payer), ``incoming`` that the subscriber is paid:
loans, refunds and salaries matter because what flows in just before money flows out tells a loan
scam from a purchase. A transfer between two protected people is two postings, one for each.
"""

from typing import Literal

from forewarn.contracts.event import Account, Currency, Event, Identifier, MovedMinor

TransferStatus = Literal["attempted", "completed", "blocked", "reversed"]
Purpose = Literal[
    "transfer", "purchase", "bill", "salary", "loan", "refund", "savings_break", "cash"
]
Channel = Literal["app", "web", "counter", "atm", "pos", "phone"]


class Transfer(Event, frozen=True, kw_only=True, tag_field="type", tag="transfer"):
    """One status of one transfer; statuses of a transfer share ``transfer_id``."""

    transfer_id: Identifier
    status: TransferStatus
    direction: Literal["outgoing", "incoming"] = "outgoing"
    payer_account: Account
    payee_account: Account
    amount_minor: MovedMinor
    currency: Currency = "CNY"
    purpose: Purpose = "transfer"
    channel: Channel = "app"
    device: str = ""
