"""Investment and romance (杀猪盘): weeks of sparse contact, a trial with a return, then large sums."""

import numpy as np

from forewarn.simulator.episode_draft import Draft
from forewarn.simulator.town_ledger import EpisodeStage
from forewarn.simulator.town_scenario import DAY_MS


def play(draft: Draft) -> None:
    """Half never telephone. The ramp takes days to weeks and is the slowest of all."""
    time = draft.start_ms
    talks = draft.chance(0.5)
    for _ in range(5):
        draft.call(
            draft.alive & talks & draft.chance(0.7), time, draft.talk(14, 1.0), EpisodeStage.CONTACT,
            inbound=bool(draft.rng.random() < 0.7),
        )  # fmt: skip
        draft.go_on(0.93)
        time = time + draft.rng.integers(DAY_MS // 2, 3 * DAY_MS, draft.count)
    trial = draft.amount(80_000, 0.8)
    sent = draft.pay(draft.alive, time, trial, EpisodeStage.TRIAL, blocked=0.01)
    back = draft.awake(time + draft.wait(26 * 60, 0.7))
    draft.receive(
        sent & draft.chance(0.85), back, draft.changed(trial, 1.05, 1.2), EpisodeStage.TRIAL
    )
    time = draft.awake(back + draft.wait(20 * 60, 0.8))
    broke = draft.alive & draft.chance(0.25)
    draft.receive(
        broke, time - draft.wait(300, 1.0), draft.changed(draft.savings, 0.25, 0.4), EpisodeStage.FUNDING,
        purpose="savings_break", bank=True,
    )  # fmt: skip
    draft.gather(draft.alive & ~broke & draft.chance(0.3), time - draft.wait(60, 1.0), 0.2)
    amount = draft.amount(2_200_000, 1.0, means_share=0.6)
    for step in range(6):
        draft.go_on((0.85, 0.8, 0.75, 0.7, 0.6, 0.5)[step])
        draft.next_account(time)
        draft.pay(
            draft.alive,
            time,
            amount,
            EpisodeStage.ESCALATION if step else EpisodeStage.PAYMENT,
            blocked=0.03,
        )
        draft.call(
            draft.alive & talks & draft.chance(0.3),
            time - draft.wait(40),
            draft.talk(9),
            EpisodeStage.ESCALATION,
        )
        pause = np.where(draft.chance(0.35), draft.wait(50), draft.wait(40 * 60, 0.7))
        time = draft.awake(time + pause)
        amount = draft.changed(amount, 0.8, 2.4, draft.savings * 0.9 + 100_000)
