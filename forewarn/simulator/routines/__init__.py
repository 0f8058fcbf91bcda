"""Everyday life: whom people call and whom they pay when nothing is wrong."""

from forewarn.simulator.routines.everyday_calls import add_calls
from forewarn.simulator.routines.everyday_payments import add_payments
from forewarn.simulator.world import World


def add_routines(world: World) -> None:
    """Write the everyday calls and payments of the whole period into the ledger."""
    add_calls(world)
    add_payments(world)
