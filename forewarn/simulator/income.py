"""Income: salaries on payday, pensions, customers' payments; and payrolls."""

import numpy as np

from forewarn.simulator.activity_clock import OFFICE, SHOPPING, Floats, Ints, occurrences
from forewarn.simulator.people import CONTACTS
from forewarn.simulator.town_ledger import PURPOSES, Scene
from forewarn.simulator.town_scenario import SECOND_MS
from forewarn.simulator.world import World, money, settle_ms

PAYDAYS = np.array([5, 8, 10, 15, 20, 25])
PENSION_DAY = 12
SPREE_DAYS = 3


def add_income(world: World) -> None:
    """Write all regular income of the period, and the payrolls of small firms, into the ledger."""
    _salaries(world)
    _customers(world)
    _payrolls(world)


def payday(world: World) -> Ints:
    """The day of the month on which each person is paid; 0 for those without such a day."""
    people = world.people
    day = PAYDAYS[people.employer % PAYDAYS.size]
    day = np.where(people.is_work("retired"), PENSION_DAY, day)
    return np.where(people.is_work("employee", "sales", "courier", "retired"), day, 0)


def spending_mood(world: World, *, weekend: float) -> Floats:
    """A factor a person and day: weekends, and the first days after one's payday."""
    since = (world.clock.day_of_month[None, :] - payday(world)[:, None]) % 31
    spree = (since < SPREE_DAYS) & (payday(world)[:, None] > 0)
    return np.where(spree, 1.3, 0.96) * world.clock.weekday_factor(weekend=weekend)[None, :]


def _salaries(world: World) -> None:
    """Salaries and pensions: one sum a month, nearly the same each time."""
    rng, people, businesses = world.scenario.rng("salaries"), world.people, world.businesses
    due = payday(world)
    who, day = np.nonzero((due[:, None] == world.clock.day_of_month[None, :]) & (due[:, None] > 0))
    amount = (people.income_minor[who] * rng.normal(1.0, 0.06, who.size).clip(0.6, 1.6)).astype(
        np.int64
    )
    payer = np.where(
        people.is_work("retired")[who],
        businesses.utility_accounts[0],
        businesses.employer_accounts[people.employer[who]],
    )
    world.ledger.postings.add(
        who.size,
        person=who,
        other=payer,
        outgoing=False,
        time_ms=world.clock.times(rng, day, OFFICE),
        amount_minor=np.maximum(amount, 10_000),
        purpose=PURPOSES.index("salary"),
    )


def _customers(world: World) -> None:
    """The self-employed are paid by many strangers, some of it for the first and last time."""
    rng, people = world.scenario.rng("customers"), world.people
    rate = np.where(
        people.is_work("self_employed"), 1.6, np.where(people.is_work("owner"), 2.5, 0.03)
    )
    who, day = occurrences(rng, rate, world.clock.weekday_factor(weekend=0.8))
    payers = world.directory.new_accounts(max(1, who.size // 3))
    large = rng.random(who.size) < 0.1
    world.ledger.postings.add(
        who.size,
        person=who,
        other=payers[rng.integers(0, payers.size, who.size)],
        outgoing=False,
        time_ms=world.clock.times(rng, day, SHOPPING),
        amount_minor=money(rng, np.where(large, 400_000.0, 12_000.0), 1.1, who.size),
    )


def _payrolls(world: World) -> None:
    """Owners of small firms pay their staff from the telephone: a burst to many payees."""
    rng, people = world.scenario.rng("payrolls"), world.people
    owners = np.flatnonzero(people.is_work("owner"))
    staff = rng.integers(2, 25, owners.size)
    due = PAYDAYS[rng.integers(0, PAYDAYS.size, owners.size)]
    firm, day = np.nonzero(due[:, None] == world.clock.day_of_month[None, :])
    begin = world.clock.times(rng, day, OFFICE)
    row = np.repeat(np.arange(firm.size), staff[firm])
    seat = np.arange(row.size) - np.repeat(np.cumsum(staff[firm]) - staff[firm], staff[firm])
    # Staff are people whom the owner knows or strangers; one in seven seats has a new hire.
    outside = world.directory.new_accounts(owners.size * 25).reshape(-1, 25)
    known = people.accounts_of[people.contacts[owners[firm[row]], seat % CONTACTS]]
    payee = np.where(rng.random(row.size) < 0.3, known, outside[firm[row], seat])
    hired = np.flatnonzero(rng.random(row.size) < 0.14)
    payee[hired] = world.directory.new_accounts(hired.size)
    amount = money(rng, 450_000.0, 0.5, row.size)
    world.ledger.postings.add(
        row.size,
        person=owners[firm[row]],
        other=payee,
        time_ms=begin[row] + seat * rng.integers(8 * SECOND_MS, 90 * SECOND_MS, row.size),
        settle_ms=settle_ms(rng, amount),
        amount_minor=amount,
        purpose=PURPOSES.index("salary"),
        device=people.device[owners[firm[row]]],
        scene=Scene.PAYROLL,
    )
