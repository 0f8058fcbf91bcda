"""Honest occasions that look like fraud: the hard negatives."""

from models.simulator.world import World


def celebrate(world: World) -> None:
    """Write the occasions of the period into the ledger."""
