"""Tables of orders that stop money or a line, and of the objections to them."""

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from alerting.db.declarative_base import (
    Base,
    District,
    EpochMs,
    Id,
    Key,
    Minor,
    Prose,
    Short,
    Tenant,
)


class Order(Base):
    """An order that stops a transfer, an account or a line, from its placing to its end.

    ``state`` is one of ``alerting.orders.order_states.OrderState``. The order holds until
    ``expires_at_ms``; ``warned_for_ms`` is the end that the desk was warned of, ``alerted`` the last
    other reason that it was warned of. ``delivery_id`` and ``release_delivery_id`` are the newest
    messages to the gateway, None where an installation has no gateway and orders by telephone.
    ``chases`` counts the repetitions of an unconfirmed release, the newest at ``chased_at_ms``.
    ``hop`` is how many accounts lie between the person's payment and the stopped account, 0 for the
    payee's own. ``notify_phone`` is where the person who is held or cut off reads the reason, if it is
    known; ``notified_at_ms`` is when that notice was written. ``hit_honest`` says that the order turned out to hit an honest person.
    """

    __tablename__ = "orders"
    __table_args__ = (
        Index(None, "case_id"),
        Index(None, "state", "expires_at_ms"),
        Index(None, "ordered_at_ms"),
        Index(None, "delivery_id"),
        Index(None, "release_delivery_id"),
    )

    order_id: Mapped[Key]
    case_id: Mapped[Id] = mapped_column(ForeignKey("cases.case_id"))
    tenant: Mapped[Tenant]
    district: Mapped[District]
    typology: Mapped[Short]
    kind: Mapped[Short]
    state: Mapped[Short]
    source: Mapped[Short]
    hop: Mapped[int] = mapped_column(default=0)
    transfer_id: Mapped[str] = mapped_column(default="")
    payer_name: Mapped[str] = mapped_column(default="")
    payer_account: Mapped[str] = mapped_column(default="")
    payee_name: Mapped[str] = mapped_column(default="")
    payee_account: Mapped[str] = mapped_column(default="")
    number: Mapped[str] = mapped_column(default="")
    caller: Mapped[str] = mapped_column(default="")
    amount_minor: Mapped[Minor | None]
    currency: Mapped[Short]
    occurred_at_ms: Mapped[EpochMs | None]
    legal_basis: Mapped[Prose]
    reason: Mapped[Prose]
    ordered_by: Mapped[str]
    ordered_at_ms: Mapped[EpochMs]
    delivery_id: Mapped[Id | None]
    confirmed_at_ms: Mapped[EpochMs | None]
    reference: Mapped[str] = mapped_column(default="")
    expires_at_ms: Mapped[EpochMs]
    extensions: Mapped[int] = mapped_column(default=0)
    extended_by: Mapped[str] = mapped_column(default="")
    warned_for_ms: Mapped[EpochMs] = mapped_column(default=0)
    alerted: Mapped[Short] = mapped_column(default="")
    release_reason: Mapped[Short | None]
    release_note: Mapped[Prose] = mapped_column(default="")
    released_by: Mapped[str | None]
    release_ordered_at_ms: Mapped[EpochMs | None]
    release_delivery_id: Mapped[Id | None]
    chases: Mapped[int] = mapped_column(default=0)
    chased_at_ms: Mapped[EpochMs | None]
    ended_at_ms: Mapped[EpochMs | None]
    freeze_reference: Mapped[str] = mapped_column(default="")
    hit_honest: Mapped[bool] = mapped_column(default=False)
    notify_phone: Mapped[str] = mapped_column(default="", server_default="")
    notified_at_ms: Mapped[EpochMs | None]
    release_notified_at_ms: Mapped[EpochMs | None]


class Appeal(Base):
    """An objection of a person whom an order holds or cuts off, with its deadline and decision.

    ``state`` is one of ``alerting.orders.appeal_decision.AppealState``. ``alerts`` counts the alerts
    that it is due soon or overdue, the newest at ``alerted_at_ms``.
    """

    __tablename__ = "appeals"
    __table_args__ = (
        Index(None, "order_id"),
        Index(None, "case_id"),
        Index(None, "state", "due_at_ms"),
    )

    appeal_id: Mapped[Key]
    order_id: Mapped[Id] = mapped_column(ForeignKey("orders.order_id"))
    case_id: Mapped[Id]
    tenant: Mapped[Tenant]
    district: Mapped[District]
    way: Mapped[Short]
    objector: Mapped[str]
    phone: Mapped[str] = mapped_column(default="")
    statement: Mapped[Prose]
    filed_by: Mapped[str]
    filed_at_ms: Mapped[EpochMs]
    due_at_ms: Mapped[EpochMs]
    state: Mapped[Short]
    alerts: Mapped[int] = mapped_column(default=0)
    alerted_at_ms: Mapped[EpochMs | None]
    decided_by: Mapped[str | None]
    decided_at_ms: Mapped[EpochMs | None]
    decision_note: Mapped[Prose] = mapped_column(default="")
