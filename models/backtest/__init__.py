"""Backtests: a period of history through the real decision path, with any model and policy."""

from models.backtest.compare import difference_of
from models.backtest.replay import Replay, Sent, replay
from models.backtest.summary import summarise

__all__ = ["Replay", "Sent", "difference_of", "replay", "summarise"]
