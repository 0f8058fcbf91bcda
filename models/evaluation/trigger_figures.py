"""Which model scores each trigger, and what its own model finds against the common one on the test part."""

from typing import Any

import numpy as np

from models.evaluation import ranking_measures
from models.policy.event_status import KIND_OF_TRIGGER
from models.serving.artifact import TriggerModel
from models.training.classifier import n_trees
from models.training.training_run import TrainingResult


def trigger_figures(run: TrainingResult) -> list[dict[str, Any]]:
    """A row for each trigger; none of a run that did not ask for models by trigger.

    Returns:
        ``trigger``, ``model`` (``own`` or ``common``) and ``why``; ``frauds`` to learn from and ``trees`` of the
        model that scores; ``calibration`` (its method); of the test part ``test_frauds``, the weighted
        ``predicted_frauds`` and ``observed_frauds``, and the average precision of both models on the trigger's
        rows, None where there is no fraud to rank.
    """
    return [_figures(run, name, one) for name, one in run.models.triggers.items()]


def _figures(run: TrainingResult, name: str, one: TriggerModel) -> dict[str, Any]:
    test = run.split.parts["test"]
    rows = np.flatnonzero(test.kind == KIND_OF_TRIGGER[name])
    label, weight = run.label("test")[rows], run.weight("test")[rows]
    scoring = run.models.own.get(name, run.models.common)
    probability = run.probability["test"][rows]
    known = bool(label.any()) and not label.all()
    common = run.models.common.raw(test.vectors[rows]) if known else probability
    return {
        "trigger": name,
        "model": one.model,
        "why": one.why,
        "frauds": one.frauds,
        "trees": n_trees(scoring.estimator),
        "calibration": scoring.calibrator.method,
        "test_frauds": int(label.sum()),
        "predicted_frauds": float((probability * weight).sum()),
        "observed_frauds": float((label * weight).sum()),
        "average_precision": ranking_measures.average_precision(probability, label, weight)
        if known
        else None,
        "common_average_precision": ranking_measures.average_precision(common, label, weight)
        if known
        else None,
    }
