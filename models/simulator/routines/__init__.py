"""Everyday life: whom people call and whom they pay when nothing is wrong."""

from models.simulator.routines.calls import telephone
from models.simulator.routines.payments import pay
from models.simulator.world import World


def live(world: World) -> None:
    """Write the everyday calls and payments of the whole period into the ledger."""
    telephone(world)
    pay(world)
