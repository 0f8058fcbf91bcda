"""A simulated prefecture: people, their calls and payments, and the frauds among them.

>>> from forewarn.simulator import Scenario, simulate
>>> town = simulate(Scenario(subscribers=200, days=7))
>>> town.calls, town.transfers, town.labels, town.reports, town.people  # polars frames
"""

from forewarn.simulator.live_town import LiveTown, Stopped, TownRecord, iter_events
from forewarn.simulator.town import Town, simulate
from forewarn.simulator.town_files import write_town
from forewarn.simulator.town_scenario import DeliveryFaults, Scenario

__all__ = [
    "DeliveryFaults",
    "LiveTown",
    "Scenario",
    "Stopped",
    "Town",
    "TownRecord",
    "iter_events",
    "simulate",
    "write_town",
]
