"""False loans and false credit records (虚假征信、贷款): fees first, or a real loan lured out again."""

import numpy as np

from forewarn.simulator.episode_draft import Draft
from forewarn.simulator.town_ledger import EpisodeStage
from forewarn.simulator.town_scenario import HOUR_MS


def play(draft: Draft) -> None:
    """A call hours to days after an application; fees and deposits; some draw a real loan."""
    time = draft.start_ms
    first = draft.talk(8)
    end = draft.call(draft.alive, time, first, EpisodeStage.CONTACT)
    draft.go_on(0.7)
    record = draft.chance(0.45)  # "your credit record must be repaired"
    time = draft.awake(end + draft.wait(240, 1.2))
    duration = draft.talk(20)
    draft.next_caller(time)
    called = draft.alive & (record | draft.chance(0.5))
    end = draft.call(called, time, duration, EpisodeStage.LONG_CALL)
    loan = draft.amount(1_500_000, 0.8)
    funded = draft.alive & record & draft.chance(0.65)
    draft.receive(
        funded, time + duration // 2, loan, EpisodeStage.FUNDING, purpose="loan", bank=True
    )
    fee = draft.amount(120_000, 0.8)
    amount = np.where(funded, loan, fee)
    when = time + np.where(
        called & draft.chance(0.5), duration * 3 // 4, duration + draft.wait(45, 1.1)
    )
    for step in range(4):
        draft.pay(
            draft.alive, when, amount, EpisodeStage.ESCALATION if step else EpisodeStage.PAYMENT
        )
        draft.go_on((0.65, 0.55, 0.45, 0.3)[step])
        pause = np.where(draft.chance(0.6), draft.wait(25), draft.wait(20 * 60, 0.5))
        again = draft.alive & draft.chance(0.4)
        when = draft.awake(when + pause)
        draft.call(again, when - HOUR_MS // 12, draft.talk(7), EpisodeStage.ESCALATION)
        amount = draft.changed(amount, 0.7, 2.2)
