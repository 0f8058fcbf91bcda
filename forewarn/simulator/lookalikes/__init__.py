"""Honest occasions that look like fraud: the hard negatives, so that no shortcut works.

Each has what some fraud has: an unknown caller on the line during the payment, a new payee, a sum
far above habit, broken savings, urgency, many payers and a quick onward payment, a silent line.
"""

from forewarn.simulator.lookalikes import (
    bank_calls,
    family_events,
    house_deposits,
    line_settings,
    work_favours,
)
from forewarn.simulator.world import World


def add_lookalikes(world: World) -> None:
    """Write the occasions of the period into the ledger."""
    family_events.gifts(world)
    family_events.abroad(world)
    family_events.hospital(world)
    family_events.new_numbers(world)
    house_deposits.deposits(world)
    bank_calls.call_backs(world)
    bank_calls.through_second_account(world)
    work_favours.urgent_favours(world)
    work_favours.collectors(world)
    line_settings.habits(world)
