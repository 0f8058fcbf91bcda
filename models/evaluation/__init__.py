"""How good a model is for the people who use its warnings: measures, baselines and the report."""
