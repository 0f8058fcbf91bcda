"""The money, as the alerting service's own Prometheus metrics tell it."""

import math
from dataclasses import dataclass

import httpx
from prometheus_client.parser import text_string_to_metric_families

_PREFIX = "forewarn_alerting_"

CURRENCY = "CNY"
"""Of the simulated town."""

READ_SECONDS = 1.0
"""Between two readings: each makes the service count its open cases."""


@dataclass(frozen=True, slots=True)
class Money:
    """Sums over all districts, typologies and models, in minor units."""

    at_risk_minor: int = 0
    estimated_minor: int = 0
    prevented_minor: int = 0
    lost_minor: int = 0
    open_cases: int = 0

    def since(self, before: "Money") -> "Money":
        """What was added after an earlier reading; gauges stay as they are."""
        return Money(
            at_risk_minor=self.at_risk_minor,
            estimated_minor=self.estimated_minor - before.estimated_minor,
            prevented_minor=self.prevented_minor - before.prevented_minor,
            lost_minor=self.lost_minor - before.lost_minor,
            open_cases=self.open_cases,
        )


def read_money(text: str) -> Money:
    """Parse a page of metrics."""
    sums: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name.startswith(_PREFIX) and not sample.name.endswith("_created"):
                name = sample.name.removeprefix(_PREFIX).removesuffix("_total")
                sums[name] = sums.get(name, 0.0) + sample.value

    def total(name: str) -> int:
        return int(sums.get(name, 0.0))

    return Money(
        at_risk_minor=total("at_risk_minor"),
        estimated_minor=total("estimated_loss_minor"),
        prevented_minor=total("prevented_loss_minor") - total("prevented_loss_taken_back_minor"),
        lost_minor=total("lost_minor"),
        open_cases=total("open_cases"),
    )


class LedgerReader:
    """What the ledger of a running service has added since the reader was made.

    Args:
        url: of the service's metrics.
    """

    def __init__(self, url: str) -> None:
        # One client for all readings: each new one reads the certificates of the machine.
        self._client = httpx.Client(timeout=3.0)
        self._url = url
        self._before = self._fetch() or Money()
        self._read_at = -math.inf
        self._money = Money()

    def money(self, now: float) -> Money:
        """The sums, at most ``READ_SECONDS`` old; those of before while the service does not answer.

        Args:
            now: monotonic seconds.
        """
        if now - self._read_at >= READ_SECONDS:
            self._read_at = now
            fetched = self._fetch()
            if fetched is not None:
                self._money = fetched.since(self._before)
        return self._money

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _fetch(self) -> Money | None:
        try:
            answer = self._client.get(self._url)
            answer.raise_for_status()
        except httpx.HTTPError:
            return None
        return read_money(answer.text)
