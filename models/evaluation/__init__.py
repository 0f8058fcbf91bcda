"""Evaluation of models: measures, baselines and the report."""
