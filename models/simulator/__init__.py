"""A simulated prefecture: people, their calls and payments, and the frauds among them.

>>> from models.simulator import Scenario, simulate
>>> town = simulate(Scenario(subscribers=200, days=7))
>>> town.calls, town.transfers, town.labels, town.reports, town.people  # polars frames
"""

from models.simulator.live import LiveTown, Record, Stopped, iter_events
from models.simulator.scenario import Disturbance, Scenario
from models.simulator.town import Town, simulate
from models.simulator.writers import write_town

__all__ = [
    "Disturbance",
    "LiveTown",
    "Record",
    "Scenario",
    "Stopped",
    "Town",
    "iter_events",
    "simulate",
    "write_town",
]
