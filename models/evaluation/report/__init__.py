"""The report of a training run: one HTML file that needs nothing else, and a model card."""

from models.evaluation.report.model_card import model_card
from models.evaluation.report.report_page import report_page

__all__ = ["model_card", "report_page"]
