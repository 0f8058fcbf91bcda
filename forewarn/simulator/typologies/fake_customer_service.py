"""False customer service (冒充客服): a refund or a mistaken membership, then "UnionPay" on the line."""

import numpy as np

from forewarn.simulator.episode_draft import Draft
from forewarn.simulator.town_ledger import EpisodeStage


def play(draft: Draft) -> None:
    """A stranger's call, an accomplice takes over, a small return, a loan in, then all out."""
    time = draft.start_ms
    duration = draft.talk(7)
    end = draft.call(draft.alive, time, duration, EpisodeStage.CONTACT)
    draft.go_on(0.7)
    draft.next_caller(end)
    time = end + draft.seconds(20, 900)
    duration = draft.talk(28, 0.7)
    end = draft.call(draft.alive, time, duration, EpisodeStage.LONG_CALL)
    silent = draft.alive & draft.chance(0.25)
    draft.line(
        silent,
        time + duration // 6,
        EpisodeStage.ISOLATION,
        forwarding=draft.chance(0.3),
        active=True,
    )
    small = draft.alive & draft.chance(0.35)
    draft.receive(
        small, time + duration // 5, draft.amount(30_000, 0.8), EpisodeStage.TRIAL, purpose="refund"
    )
    lent = draft.alive & draft.chance(0.4)
    loan = draft.amount(1_200_000, 0.8)
    draft.receive(lent, time + duration // 3, loan, EpisodeStage.FUNDING, purpose="loan", bank=True)
    draft.go_on(0.85)
    own = draft.amount(900_000, 1.1, means_share=0.6)
    amount = np.where(lent, draft.changed(loan, 0.85, 0.95), own)
    time = time + duration // 2
    for step in range(3):
        on_line = draft.chance(0.75)
        when = np.where(on_line, np.minimum(time, end - 5_000), end + draft.wait(12))
        draft.pay(
            draft.alive,
            when,
            amount,
            EpisodeStage.ESCALATION if step else EpisodeStage.PAYMENT,
            blocked=0.07,
        )
        draft.go_on(0.55)
        time = draft.awake(when + draft.wait(7))
        draft.next_account(time)
        amount = draft.changed(amount, 0.4, 1.6)
    draft.line(
        silent,
        end + draft.wait(300, 1.0),
        EpisodeStage.ISOLATION,
        forwarding=draft.chance(0.3),
        active=False,
    )
