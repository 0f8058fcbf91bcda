"""The bank's "safe account" (UK): a spoofed bank number, a coached victim, several payments."""

import numpy as np

from forewarn.simulator.episode_draft import Draft
from forewarn.simulator.town_ledger import EpisodeStage


def play(draft: Draft) -> None:
    """A third of the calls show a real bank's number, so blocking that number is no answer."""
    time = draft.start_ms
    banks = draft.world.businesses.bank_numbers
    number = np.where(draft.chance(0.35), banks[draft.victim % banks.size], draft.caller)
    duration = draft.talk(32, 0.7)
    end = draft.call(draft.alive, time, duration, EpisodeStage.LONG_CALL, number=number)
    draft.go_on(0.6)
    when = time + np.asarray(duration * draft.rng.uniform(0.3, 0.7, draft.count), dtype=np.int64)
    amount = draft.amount(700_000, 1.0, means_share=0.5)
    for step in range(4):
        # Slow victims are called again; victims who paid get a call that demands silence.
        dropped = draft.alive & (when > end)
        draft.next_caller(when)
        draft.call(
            dropped & draft.chance(0.6),
            when - draft.seconds(60, 600),
            draft.talk(9),
            EpisodeStage.LONG_CALL,
        )
        stage = EpisodeStage.ESCALATION if step else EpisodeStage.PAYMENT
        draft.pay(draft.alive, when, amount, stage, blocked=0.1)
        draft.go_on(0.6)
        when = draft.awake(when + draft.wait(6, 1.0))
        amount = draft.changed(amount, 0.6, 1.5)
        draft.next_account(when)
