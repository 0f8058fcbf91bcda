"""The scenario of a simulation: one frozen record of every choice, from which a town follows bit by bit.

Two runs with an equal scenario and the same numpy version give the same bytes. Each part of the
simulator draws from its own stream (`Scenario.rng`), so that a change to one part of the town
leaves the draws of the others as they were.
"""

import zlib
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta, timezone

import numpy as np

from forewarn.errors import ConfigurationError

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
MINUTE_MS = 60_000
SECOND_MS = 1_000

DEFAULT_DISTRICTS = ("D01", "D02", "D03", "D04", "D05", "D06", "D07", "D08")

TYPOLOGY_SHARES: dict[str, float] = {
    "task_scam": 0.31,
    "purchase_game": 0.14,
    "fake_customer_service": 0.13,
    "credit_loan": 0.12,
    "investment_romance": 0.12,
    "police_impersonation": 0.05,
    "boss_acquaintance": 0.05,
    "family_emergency": 0.03,
    "safe_account": 0.03,
    "loan_refinance": 0.02,
}
"""Share of engaged episodes by typology; sources in docs/simulator.md."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFaults:
    """Faults of delivery: duplicates, late events and lost call ends as shares of events between 0 and 1.

    ``late_seconds`` is the mean delay of a late event; ``jitter_seconds`` the standard deviation
    of the delay that every event has, which is what puts events out of order.
    """

    duplicates: float = 0.0
    late: float = 0.0
    late_seconds: float = 600.0
    jitter_seconds: float = 0.0
    lost_call_ends: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What is simulated: how many people, for how many days, with how much fraud.

    Args:
        seed: everything random follows from it.
        subscribers: protected people, at least 50.
        days: length of the period, 1 to 730.
        start: first local day.
        prevalence: share of events that belong to a fraud, 0 to 0.2. In reality it is far below
            1 %; training sets may ask for more.
        utc_offset_hours: of local time, which rules habits.
        intervention_share: share of engaged episodes with an intervention.
        report_share: share of losses that are ever reported to the police.
        report_delay_hours: median time from the last loss to the report.
        typology_shares: weights of the typologies; missing ones do not occur.
    """

    seed: int = 1
    subscribers: int = 2_000
    days: int = 30
    start: date = date(2026, 1, 5)
    prevalence: float = 0.002
    districts: tuple[str, ...] = DEFAULT_DISTRICTS
    currency: str = "CNY"
    tenant: str = "default"
    utc_offset_hours: int = 8
    intervention_share: float = 0.15
    report_share: float = 0.6
    report_delay_hours: float = 18.0
    typology_shares: dict[str, float] = field(default_factory=lambda: dict(TYPOLOGY_SHARES))
    delivery_faults: DeliveryFaults = field(default_factory=DeliveryFaults)

    def __post_init__(self) -> None:
        checks = (
            (50 <= self.subscribers <= 5_000_000, "subscribers must be 50 to 5,000,000"),
            (1 <= self.days <= 730, "days must be 1 to 730"),
            (0 <= self.prevalence <= 0.2, "prevalence must be 0 to 0.2"),
            (0 <= self.intervention_share <= 1, "intervention_share must be 0 to 1"),
            (0 <= self.report_share <= 1, "report_share must be 0 to 1"),
            (self.seed >= 0, "seed must not be negative"),
            (len(self.districts) > 0, "districts must not be empty"),
            (
                all(0 <= share <= 1 for share in self._fault_shares()),
                "shares of duplicates, late events and lost ends must be 0 to 1",
            ),
            (
                min(self.delivery_faults.late_seconds, self.delivery_faults.jitter_seconds) >= 0,
                "delays must not be negative",
            ),
            (
                set(self.typology_shares) <= set(TYPOLOGY_SHARES)
                and sum(self.typology_shares.values()) > 0,
                f"typology_shares must weigh some of: {', '.join(TYPOLOGY_SHARES)}",
            ),
        )
        for holds, message in checks:
            if not holds:
                raise ConfigurationError(f"the scenario is impossible: {message}.")

    def _fault_shares(self) -> tuple[float, ...]:
        return (
            self.delivery_faults.duplicates,
            self.delivery_faults.late,
            self.delivery_faults.lost_call_ends,
        )

    @property
    def start_ms(self) -> int:
        """UTC milliseconds of local midnight on the first day."""
        zone = timezone(timedelta(hours=self.utc_offset_hours))
        midnight = datetime(self.start.year, self.start.month, self.start.day, tzinfo=zone)
        return int(midnight.timestamp()) * 1000

    @property
    def end_ms(self) -> int:
        """UTC milliseconds of the end of the last day; nothing happens at or after it."""
        return self.start_ms + self.days * DAY_MS

    def rng(self, part: str) -> np.random.Generator:
        """The random stream of one part of the simulator."""
        return np.random.default_rng([self.seed, zlib.crc32(part.encode())])

    def as_dict(self) -> dict[str, object]:
        """The scenario as JSON-ready values, for the manifest beside the data."""
        return asdict(self) | {"start": self.start.isoformat()}
