"""The report of a training run: one HTML file that needs nothing else, and a model card."""

from models.report.card import model_card
from models.report.page import report_page

__all__ = ["model_card", "report_page"]
