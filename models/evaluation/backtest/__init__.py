"""Backtests: a period of history through the real decision path, with any model and policy."""

from models.evaluation.backtest.backtest_summary import summarise
from models.evaluation.backtest.decision_replay import DecisionReplay, Sent, replay
from models.evaluation.backtest.warning_differences import difference_of

__all__ = ["DecisionReplay", "Sent", "difference_of", "replay", "summarise"]
