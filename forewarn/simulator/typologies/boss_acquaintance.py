"""Boss or acquaintance (冒充领导、熟人): one urgent, large transfer, asked for in writing or live."""

import numpy as np

from forewarn.simulator.episode_draft import Draft
from forewarn.simulator.town_ledger import EpisodeStage


def play(draft: Draft) -> None:
    """A chat outside the data, then often a call during which the victim pays."""
    time = draft.start_ms
    called = draft.chance(0.6)
    duration = draft.talk(6)
    draft.call(called, time, duration, EpisodeStage.CONTACT)
    draft.go_on(0.7)
    live = called & draft.chance(0.6)
    when = np.where(live, time + duration // 2, time + draft.wait(30, 1.2))
    amount = draft.amount(1_800_000, 1.1, means_share=0.8)
    draft.pay(draft.alive, when, amount, EpisodeStage.PAYMENT, blocked=0.08)
    draft.go_on(0.3)
    when = draft.awake(when + draft.wait(40))
    draft.call(
        draft.alive & draft.chance(0.4),
        when - draft.seconds(60, 300),
        draft.talk(5),
        EpisodeStage.ESCALATION,
    )
    draft.pay(draft.alive, when, amount, EpisodeStage.ESCALATION, blocked=0.1)
