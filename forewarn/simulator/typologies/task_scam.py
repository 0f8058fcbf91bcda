"""Task scam (刷单返利): small paid tasks that are refunded, then ever larger ones that are not."""

import numpy as np

from forewarn.simulator.episode_draft import Draft
from forewarn.simulator.town_ledger import EpisodeStage
from forewarn.simulator.town_scenario import HOUR_MS


def play(draft: Draft) -> None:
    """Few calls or none; 100 yuan twice with a return, then steps to tens of thousands."""
    time = draft.start_ms
    courted = draft.chance(0.35)
    end = draft.call(courted, time, draft.talk(1.5), EpisodeStage.CONTACT)
    time = draft.awake(np.where(courted, end, time) + draft.wait(180, 1.2))
    for _ in range(2):
        draft.go_on(0.85)
        bait = draft.amount(10_000, 0.5)
        sent = draft.pay(draft.alive, time, bait, EpisodeStage.TRIAL, blocked=0.01)
        back = draft.awake(time + draft.wait(25))
        draft.receive(
            sent & draft.chance(0.9), back, draft.changed(bait, 1.08, 1.18), EpisodeStage.TRIAL
        )
        time = draft.awake(back + draft.wait(90, 1.0))
    amount = draft.amount(240_000, 0.7)
    for step in range(5):
        draft.go_on((0.8, 0.75, 0.7, 0.6, 0.5)[step])
        draft.next_account(time)
        draft.pay(
            draft.alive,
            time,
            amount,
            EpisodeStage.PAYMENT if step == 0 else EpisodeStage.ESCALATION,
        )
        # A slow ramp takes days; most are pressed to finish "the order" within the hour.
        slow = draft.chance(0.3)
        time = draft.awake(time + np.where(slow, draft.wait(16 * 60, 0.6), draft.wait(18, 0.9)))
        amount = draft.changed(amount, 1.2, 3.2, draft.savings * 0.5 + 50_000)
    # "Customer service" explains by phone why the balance is frozen.
    explained = draft.alive & draft.chance(0.3)
    draft.call(explained, time, draft.talk(6), EpisodeStage.ESCALATION)
    draft.pay(
        explained & draft.chance(0.4), time + draft.seconds(60, HOUR_MS / 1000), amount,
        EpisodeStage.ESCALATION,
    )  # fmt: skip
