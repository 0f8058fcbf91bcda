"""Family emergency: a cloned voice in need, at times from a number that looks familiar."""

import numpy as np

from forewarn.simulator.episode_draft import Draft
from forewarn.simulator.town_ledger import EpisodeStage


def play(draft: Draft) -> None:
    """One or two urgent calls and one urgent payment, seldom two; one in five shows a relative's number."""
    time = draft.start_ms
    familiar = draft.chance(0.2)
    kin = draft.world.people.contacts[draft.victim, draft.rng.integers(0, 4, draft.count)]
    number = np.where(familiar, kin, draft.caller)
    duration = draft.talk(7)
    end = draft.call(draft.alive, time, duration, EpisodeStage.CONTACT, number=number)
    draft.go_on(0.6)
    second = draft.alive & draft.chance(0.5)
    draft.call(second, end + draft.seconds(30, 600), draft.talk(10), EpisodeStage.LONG_CALL)
    when = end + draft.wait(25, 1.0)
    cash = draft.alive & draft.chance(0.2)  # a courier collects it; only the withdrawal is seen
    points = draft.world.businesses.cash_accounts
    amount = draft.amount(1_500_000, 0.9, means_share=0.7)
    draft.pay(
        cash,
        when,
        np.minimum(amount, 2_000_000),
        EpisodeStage.PAYMENT,
        purpose="cash",
        payee=points[draft.victim % points.size],
    )
    draft.pay(draft.alive & ~cash, when, amount, EpisodeStage.PAYMENT, blocked=0.08)
    # The bail was not enough, the hospital wants more.
    draft.go_on(0.25)
    when = draft.awake(when + draft.wait(50))
    draft.call(
        draft.alive & draft.chance(0.7),
        when - draft.seconds(60, 600),
        draft.talk(5),
        EpisodeStage.ESCALATION,
    )
    draft.pay(
        draft.alive, when, draft.changed(amount, 0.5, 0.8), EpisodeStage.ESCALATION, blocked=0.12
    )
