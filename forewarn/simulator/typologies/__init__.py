"""The scripts of the swindlers, one module a typology; each has ``play(draft)``."""

from collections.abc import Callable

from forewarn.simulator.episode_draft import Draft
from forewarn.simulator.typologies import (
    boss_acquaintance,
    credit_loan,
    fake_customer_service,
    family_emergency,
    investment_romance,
    loan_refinance,
    police_impersonation,
    purchase_game,
    safe_account,
    task_scam,
)

SCRIPTS: dict[str, Callable[[Draft], None]] = {
    "task_scam": task_scam.play,
    "purchase_game": purchase_game.play,
    "fake_customer_service": fake_customer_service.play,
    "credit_loan": credit_loan.play,
    "investment_romance": investment_romance.play,
    "police_impersonation": police_impersonation.play,
    "boss_acquaintance": boss_acquaintance.play,
    "family_emergency": family_emergency.play,
    "safe_account": safe_account.play,
    "loan_refinance": loan_refinance.play,
}
