"""Loan refinancing (Korea): a call centre offers cheaper credit, the "old loan" is repaid first."""

from forewarn.simulator.episode_draft import Draft
from forewarn.simulator.town_ledger import EpisodeStage


def play(draft: Draft) -> None:
    """Calls over one to three days, then repayment to an account of the ring."""
    time = draft.start_ms
    end = draft.call(draft.alive, time, draft.talk(9), EpisodeStage.CONTACT)
    draft.go_on(0.65)
    time = draft.awake(end + draft.wait(20 * 60, 0.5))
    draft.next_caller(time)
    end = draft.call(draft.alive, time, draft.talk(14), EpisodeStage.LONG_CALL)
    # An app on the handset sends the victim's own check call to the ring as well.
    checks = draft.alive & draft.chance(0.4)
    draft.call(checks, end + draft.wait(10), draft.talk(5), EpisodeStage.LONG_CALL, inbound=False)
    draft.go_on(0.75)
    when = draft.awake(end + draft.wait(120, 1.0))
    amount = draft.amount(2_000_000, 0.8, means_share=0.9)
    for step in range(3):
        draft.pay(
            draft.alive,
            when,
            amount,
            EpisodeStage.ESCALATION if step else EpisodeStage.PAYMENT,
            blocked=0.06,
        )
        draft.go_on(0.45)
        when = draft.awake(when + draft.wait(240, 1.0))
        draft.next_account(when)
        amount = draft.changed(amount, 0.5, 0.8)
