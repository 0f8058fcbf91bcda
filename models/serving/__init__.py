"""Serving: the artifact of a model, its compiled forest and what a worker needs to score."""
