"""False shopping and game trades (虚假购物、游戏交易): small, at once, to a payee never paid before."""

from forewarn.simulator.episode_draft import Draft
from forewarn.simulator.town_ledger import EpisodeStage


def play(draft: Draft) -> None:
    """No call for most; one payment as a purchase, sometimes "deposits" after it."""
    time = draft.start_ms
    spoken = draft.chance(0.15)
    draft.call(spoken, time, draft.talk(1.2), EpisodeStage.CONTACT)
    time = draft.awake(time + draft.wait(40, 1.2))
    amount = draft.amount(40_000, 1.1)
    shop = draft.chance(0.5)
    draft.pay(
        draft.alive & shop, time, amount, EpisodeStage.PAYMENT, purpose="purchase", blocked=0.02
    )
    draft.pay(draft.alive & ~shop, time, amount, EpisodeStage.PAYMENT, blocked=0.02)
    for _ in range(2):
        draft.go_on(0.35)
        time = draft.awake(time + draft.wait(15, 1.0))
        draft.pay(draft.alive, time, draft.amount(80_000, 0.9), EpisodeStage.ESCALATION)
