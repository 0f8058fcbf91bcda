"""Options of the demonstration: which town, which day, and how fast."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone

import msgspec

from forewarn.platform.child_command import python_module
from forewarn.simulator import DeliveryFaults, Scenario

MORNING_HOUR = 9
"""Local hour at which the demonstrated day begins: frauds, like their victims, keep office hours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """Choices of ``forewarn demo``.

    Attributes:
        seconds: how long events stream.
        speed: seconds of event time in a second.
        subscribers: protected people of the town.
        history_days: days before the demonstrated one, from which state is built beforehand.
        prevalence: share of events that belong to a fraud; reality has far fewer than a
            demonstration of a minute could show.
        seed: of the town and of its responders.
    """

    seconds: float = 45.0
    speed: float = 720.0
    subscribers: int = 8_000
    history_days: int = 8
    prevalence: float = 0.01
    seed: int = 20260728

    def scenario(self, today: date) -> Scenario:
        """The town: its last day is yesterday, so that no event is from the future."""
        return Scenario(
            seed=self.seed,
            subscribers=self.subscribers,
            days=self.history_days + 1,
            start=today - timedelta(days=self.history_days + 1),
            prevalence=self.prevalence,
            intervention_share=0.0,  # the responders of the demonstration intervene themselves
            delivery_faults=DeliveryFaults(
                duplicates=0.002, late=0.005, late_seconds=120.0, lost_call_ends=0.002
            ),
        )

    def past_command(self, today: date) -> list[str]:
        """Fills the state with the town's past; a process of its own simulates the same town."""
        options = msgspec.json.encode(self).decode()
        return python_module("forewarn.demo.town_history", options, today.isoformat())

    def first_ms(self, scenario: Scenario) -> int:
        """UTC milliseconds at which the demonstrated part begins."""
        last_day = scenario.start + timedelta(days=self.history_days)
        zone = timezone(timedelta(hours=scenario.utc_offset_hours))
        moment = datetime(last_day.year, last_day.month, last_day.day, MORNING_HOUR, tzinfo=zone)
        return int(moment.timestamp()) * 1000
