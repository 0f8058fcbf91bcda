"""How long orders hold, what they rest on, and which gateways take them: values from the settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from alerting.orders.notice_texts import NoticeText
from alerting.orders.order_decision import OrderRules
from alerting.orders.order_states import CHANNELS, OrderKind

HOUR_MS = 3_600_000
MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class OrderOptions:
    """Options of orders; ``available`` are the channels that have a gateway.

    ``hours`` is how long an order holds, ``hours_by_tenant`` where a tenant differs. ``legal_basis``
    is by kind of order. An objection is decided within ``appeal_hours``; ``contact`` is where
    people object, ``texts`` are the centre's own notices, and ``zone`` that of the times in them.
    """

    available: frozenset[str] = frozenset()
    language: str = "zh"
    hours: int = 48
    hours_by_tenant: Mapping[str, int] = field(default_factory=dict)
    extensions: int = 2
    warn_before_minutes: int = 120
    confirm_minutes: int = 5
    legal_basis: Mapping[str, str] = field(default_factory=dict)
    appeal_hours: int = 24
    appeal_hours_by_tenant: Mapping[str, int] = field(default_factory=dict)
    contact: str = "96110"
    texts: tuple[NoticeText, ...] = ()
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))

    def holds_ms(self, tenant: str) -> int:
        """How long an order of a tenant holds, and each extension of it."""
        return self.hours_by_tenant.get(tenant, self.hours) * HOUR_MS

    def appeal_ms(self, tenant: str) -> int:
        """How long an objection of a tenant may wait for its decision."""
        return self.appeal_hours_by_tenant.get(tenant, self.appeal_hours) * HOUR_MS

    def basis_of(self, kind: OrderKind) -> str:
        """The legal basis of a kind of order, as the orders name it."""
        return self.legal_basis.get(kind, "")

    def has_gateway(self, kind: OrderKind) -> bool:
        """Whether orders of this kind go over a gateway."""
        return CHANNELS[kind] in self.available

    @property
    def rules(self) -> OrderRules:
        """The bounds of the clock."""
        return OrderRules(
            warn_before_ms=self.warn_before_minutes * MINUTE_MS,
            confirm_ms=self.confirm_minutes * MINUTE_MS,
        )
