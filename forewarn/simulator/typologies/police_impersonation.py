"""Police impersonation (冒充公检法): hours on the line, cut off from everyone, a "safe account"."""

import numpy as np

from forewarn.simulator.episode_draft import Draft
from forewarn.simulator.town_ledger import EpisodeStage


def play(draft: Draft) -> None:
    """First caller, "transfer" to a second, isolation, funding, then large sums in the same hours."""
    time = draft.start_ms
    end = draft.call(draft.alive, time, draft.talk(9), EpisodeStage.CONTACT)
    draft.go_on(0.6)
    draft.next_caller(end)
    time = end + draft.seconds(5, 240)
    duration = draft.talk(55, 0.6)
    end = draft.call(draft.alive, time, duration, EpisodeStage.LONG_CALL)
    cut_off = draft.alive & draft.chance(0.55)
    forwards = draft.chance(0.6)
    draft.line(
        cut_off, time + duration // 5, EpisodeStage.ISOLATION, forwarding=forwards, active=True
    )
    draft.go_on(0.8)
    broke = draft.alive & draft.chance(0.35)
    draft.receive(
        broke, time + duration // 2, draft.changed(draft.savings, 0.4, 0.6), EpisodeStage.FUNDING,
        purpose="savings_break", bank=True,
    )  # fmt: skip
    lent = draft.alive & ~broke & draft.chance(0.3)
    draft.receive(
        lent,
        time + duration // 2,
        draft.amount(3_000_000, 0.7),
        EpisodeStage.FUNDING,
        purpose="loan",
        bank=True,
    )
    draft.gather(draft.alive & ~broke & ~lent & draft.chance(0.4), time + duration * 2 // 5, 0.4)
    amount = draft.amount(2_500_000, 1.0, means_share=0.7)
    when = time + np.asarray(duration * draft.rng.uniform(0.5, 1.1, draft.count), dtype=np.int64)
    for step in range(4):
        draft.pay(
            draft.alive,
            when,
            amount,
            EpisodeStage.ESCALATION if step else EpisodeStage.PAYMENT,
            blocked=0.1,
        )
        draft.go_on((0.7, 0.6, 0.5, 0.4)[step])
        when = draft.awake(when + draft.wait(22, 1.0))
        again = draft.alive & (when > end)
        draft.next_caller(when)
        draft.next_account(when)
        end = np.where(
            again,
            draft.call(
                again, when - draft.seconds(60, 900), draft.talk(25), EpisodeStage.LONG_CALL
            ),
            end,
        )
        amount = draft.changed(amount, 0.6, 1.8, draft.savings + 50_000)
    # Reports to the "officer" on the next days, for those who still believe.
    for day in range(1, 3):
        believes = draft.go_on(0.6)
        later = draft.start_ms + day * 86_400_000 + draft.wait(60)
        draft.call(believes, later, draft.talk(15), EpisodeStage.LONG_CALL, inbound=day == 1)
    draft.line(
        cut_off,
        end + draft.wait(600, 0.9),
        EpisodeStage.ISOLATION,
        forwarding=forwards,
        active=False,
    )
