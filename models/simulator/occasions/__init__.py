"""Honest occasions that look like fraud: the hard negatives, so that no shortcut works.

Each has what some fraud has: an unknown caller on the line during the payment, a new payee, a sum
far above habit, broken savings, urgency, many payers and a quick onward payment, a silent line.
"""

from models.simulator.occasions import banking, family, housing, lines, work
from models.simulator.world import World


def celebrate(world: World) -> None:
    """Write the occasions of the period into the ledger."""
    family.gifts(world)
    family.abroad(world)
    family.hospital(world)
    family.new_numbers(world)
    housing.deposits(world)
    banking.call_backs(world)
    banking.through_second_account(world)
    work.urgent_favours(world)
    work.collectors(world)
    lines.habits(world)
