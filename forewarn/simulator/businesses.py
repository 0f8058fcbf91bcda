"""Who is not a person: merchants, couriers, sales call centres, banks, employers, utilities."""

from dataclasses import dataclass

import numpy as np

from forewarn.simulator.activity_clock import Ints
from forewarn.simulator.party_directory import KINDS, Directory
from forewarn.simulator.town_scenario import Scenario

SALES_LINES = 24
ROTATION_DAYS = 9


@dataclass(slots=True)
class Businesses:
    """Numbers and accounts of businesses.

    ``sales`` is a matrix of call centres by line: a centre dials from a few lines at a time and
    moves on to others, as call centres do when numbers are marked as nuisance by handsets.
    ``couriers`` includes the riders of food delivery, of whom one rarely meets the same twice;
    ``vendors`` are the personal accounts behind the payment codes of stalls and small shops.
    """

    merchants: Ints
    merchant_numbers: Ints
    couriers: Ints
    vendors: Ints
    sales: Ints
    bank_numbers: Ints
    bank_accounts: Ints
    cash_accounts: Ints
    employer_accounts: Ints
    utility_accounts: Ints
    tradesman_numbers: Ints
    tradesman_accounts: Ints
    offices: Ints


def create_businesses(scenario: Scenario, directory: Directory) -> Businesses:
    """Draw the businesses of a town; their number grows with its people."""
    rng = scenario.rng("businesses")
    count = scenario.subscribers
    merchants = max(60, count // 8)
    centres = max(4, count // 1500)
    tradesmen = max(80, count // 3)

    def mixed(size: int, landline: float, service: float = 0.0) -> Ints:
        draw = rng.random(size)
        kinds = np.where(
            draw < landline,
            KINDS.index("landline"),
            np.where(draw < landline + service, KINDS.index("service"), KINDS.index("mobile")),
        )
        return directory.new_numbers_of(kinds)

    return Businesses(
        merchants=directory.new_accounts(merchants),
        merchant_numbers=mixed(merchants, 0.4, 0.1),
        couriers=mixed(max(24, count // 12), 0.02),
        vendors=directory.new_accounts(count * 2),
        sales=mixed(centres * SALES_LINES, 0.35, 0.15).reshape(centres, SALES_LINES),
        bank_numbers=directory.new_numbers(8, "short"),
        bank_accounts=directory.new_accounts(8),
        cash_accounts=directory.new_accounts(8),
        employer_accounts=directory.new_accounts(max(3, count // 40)),
        utility_accounts=directory.new_accounts(12),
        tradesman_numbers=mixed(tradesmen, 0.08),
        tradesman_accounts=directory.new_accounts(tradesmen),
        offices=mixed(max(20, count // 50), 0.7, 0.05),
    )


def sales_line(
    rng: np.random.Generator, businesses: Businesses, centre: Ints, day: Ints, first_ordinal: int
) -> Ints:
    """The number from which a sales centre dials on a day: one of four of its present block."""
    period = (day + first_ordinal + centre * 3) // ROTATION_DAYS
    line = (period * 4 + rng.integers(0, 4, day.size)) % SALES_LINES
    return np.asarray(businesses.sales[centre, line])
