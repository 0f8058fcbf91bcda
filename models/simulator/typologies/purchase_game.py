"""False shopping and game trades (虚假购物、游戏交易): small, at once, to a payee never paid before."""

from models.simulator.draft import Draft
from models.simulator.ledger import Stage


def play(draft: Draft) -> None:
    """No call for most; one payment as a purchase, sometimes "deposits" after it."""
    time = draft.start_ms
    spoken = draft.chance(0.15)
    draft.call(spoken, time, draft.talk(1.2), Stage.CONTACT)
    time = draft.awake(time + draft.wait(40, 1.2))
    amount = draft.amount(40_000, 1.1)
    shop = draft.chance(0.5)
    draft.pay(draft.alive & shop, time, amount, Stage.PAYMENT, purpose="purchase", blocked=0.02)
    draft.pay(draft.alive & ~shop, time, amount, Stage.PAYMENT, blocked=0.02)
    for _ in range(2):
        draft.go_on(0.35)
        time = draft.awake(time + draft.wait(15, 1.0))
        draft.pay(draft.alive, time, draft.amount(80_000, 0.9), Stage.ESCALATION)
