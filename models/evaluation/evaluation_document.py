"""All measures of one run as one JSON-ready document."""

import math
import time
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve

from models.evaluation import ranking_measures
from models.evaluation.baselines import logistic_score, rules_score
from models.evaluation.bootstrap import compare_average_precision
from models.evaluation.early_warning import early_warning
from models.evaluation.segments import segments
from models.evaluation.trigger_figures import trigger_figures
from models.evaluation.warning_tables import tables_of_part
from models.serving.drift import SCORE, make_reference, psi, share_by_bin
from models.serving.forest import compile_forest
from models.serving.scorer import Scorer
from models.training.classifier import n_trees
from models.training.training_dataset import DAY_MS, Dataset
from models.training.training_run import TrainingResult

Floats = NDArray[np.float64]

BUDGETS = (5.0, 20.0, 50.0, 100.0, 200.0, 500.0)
_SHAP_ROWS = 400


def evaluate(
    run: TrainingResult, *, k: int = 100, champion: Scorer | None = None
) -> dict[str, object]:
    """Evaluate a run on its test part.

    Args:
        run: what ``fit`` returned.
        k: for precision at k a day and group.
        champion: the present champion, if it reads the same features.

    Returns:
        The document that is written as ``metrics.json`` and that the report is drawn from.
    """
    test, label, weight = run.split.parts["test"], run.label("test"), run.weight("test")
    probability = run.probability["test"]
    model = _ranking(run, probability, k)
    threshold = run.thresholds["raise"]
    document = {
        "roc_auc": model["roc_auc"],
        "average_precision": model["average_precision"],
        "precision_at_k": model["precision_at_k"],
        "curve": model["curve"],
        "test": _facts(run, "test"),
        "calibrate": _facts(run, "calibrate"),
        "train": _facts(run, "train"),
        "split": {
            "by_group": run.options.split.by_group,
            "timeless": run.options.split.timeless,
            "embargo_days": run.split.embargo_days,
            "warmup_days": run.split.warmup_days,
        },
        "thresholds": run.thresholds,
        "at_threshold": asdict(_caught(probability, test, label, weight, threshold)),
        "budgets": _budgets(probability, test, label, weight),
        "baselines": _baselines(run, k, champion),
        "calibration": _calibration(run),
        "segments": {
            name: segments(test, getattr(test, name), probability >= threshold, label, weight)
            for name in ("typology", "age_group", "district")
        },
        "early_warning": _early_warning(run, threshold),
        "importance": _importance(run),
        "drift": _drift(run),
        "findings": [asdict(finding) for finding in run.findings],
        "speed": {"microseconds_per_row": _speed(run)},
        "trees": n_trees(run.estimator),
        "triggers": trigger_figures(run),
    }
    return {key: without_nan(value) for key, value in document.items()}


def _baselines(run: TrainingResult, k: int, champion: Scorer | None) -> dict[str, dict[str, Any]]:
    """Ranking of the written rules, a logistic regression and the champion, each against the model."""
    train, test = run.split.parts["train"], run.split.parts["test"]
    label, weight = run.label("test"), run.weight("test")
    scores: dict[str, Floats] = {
        "rules": rules_score(train, test, run.label("train"), run.weight("train")),
        "logistic": logistic_score(train, test, run.label("train"), run.weight("train")),
    }
    if champion is not None:
        scores["champion"] = champion.ranking(test.vectors, test.kind)
    probability = run.probability["test"]
    found = {
        name: _ranking(run, score, k)
        | {"difference": asdict(_difference(probability, score, test, label, weight))}
        for name, score in scores.items()
    }
    if champion is not None:
        # Calibration drift: what the champion expected of rows whose labels have arrived since.
        expected = champion.predict(test.vectors, test.kind)
        error, _ = ranking_measures.calibration_error(expected, label, weight)
        found["champion"]["calibration"] = _frauds(expected, label, weight, error)
    return found


def _calibration(run: TrainingResult) -> dict[str, Any]:
    label, weight, probability = run.label("test"), run.weight("test"), run.probability["test"]
    error, curve = ranking_measures.calibration_error(probability, label, weight)
    return {
        "method": run.calibrator.method,
        "curve": curve,
    } | _frauds(probability, label, weight, error)


def _frauds(
    expected: Floats, label: NDArray[np.int8], weight: Floats, error: float
) -> dict[str, float]:
    """Expected calibration error, and the weighted number of frauds predicted and observed."""
    return {
        "expected_error": error,
        "predicted_frauds": float((expected * weight).sum()),
        "observed_frauds": float((label * weight).sum()),
    }


def curve_points(
    score: Floats, label: NDArray[np.int8], weight: Floats, points: int = 200
) -> tuple[Floats, Floats]:
    """Recall and precision at about ``points`` thresholds, for plots."""
    rising = precision_recall_curve(label, score, sample_weight=weight)
    precision, recall = (values[-2::-1] for values in rising[:2])  # from the highest threshold down
    kept = np.unique(np.searchsorted(recall, np.linspace(0, 1, points)).clip(0, len(recall) - 1))
    return recall[kept], precision[kept]


def _ranking(run: TrainingResult, score: Floats, k: int) -> dict[str, Any]:
    part, label, weight = run.split.parts["test"], run.label("test"), run.weight("test")
    recall, precision = curve_points(score, label, weight)
    return {
        "roc_auc": ranking_measures.roc_auc(score, label, weight),
        "average_precision": ranking_measures.average_precision(score, label, weight),
        "precision_at_k": {
            "k": k,
            "value": ranking_measures.precision_at_k(
                score,
                label,
                weight,
                part.time_ms,
                part.group,
                k,
                from_ms=run.split.from_ms["test"],
                until_ms=run.split.until_ms["test"],
            ),
        },
        "curve": {"recall": recall.tolist(), "precision": precision.tolist()},
    }


def _difference(
    probability: Floats, other: Floats, part: Dataset, label: NDArray[np.int8], weight: Floats
) -> Any:
    return compare_average_precision(probability, other, label, weight, part.group, draws=100)


def _caught(
    probability: Floats, part: Dataset, label: NDArray[np.int8], weight: Floats, threshold: float
) -> ranking_measures.Caught:
    return ranking_measures.caught(
        probability, label, weight, threshold=threshold, time_ms=part.time_ms,
        subject=part.subject, episode=part.episode, exposure_minor=part.exposure_minor,
        first_loss_ms=part.first_loss_ms,
    )  # fmt: skip


def _budgets(
    probability: Floats, part: Dataset, label: NDArray[np.int8], weight: Floats
) -> list[dict[str, object]]:
    rows = []
    for budget in BUDGETS:
        threshold = ranking_measures.threshold_for_budget(
            probability, weight, part.time_ms, part.subject, budget
        )
        rows.append(
            {"per_day": budget} | asdict(_caught(probability, part, label, weight, threshold))
        )
    return rows


def _facts(run: TrainingResult, name: str) -> dict[str, object]:
    """What a part holds; ``window_prevalence`` is that of all people in its time."""
    part, label, weight = run.split.parts[name], run.label(name), run.weight(name)
    fraud = label == 1
    return {
        "rows": len(part),
        "frauds": int(fraud.sum()),
        "episodes": len(np.unique(part.episode[fraud & (part.episode >= 0)])),
        "victims": len(np.unique(part.group[fraud])),
        "groups": len(np.unique(part.group)),
        "prevalence": float((label * weight).sum() / weight.sum()),
        "window_prevalence": run.split.prevalence[name],
        "from_ms": int(part.time_ms[0]),
        "until_ms": int(part.time_ms[-1]),
        "days": (int(part.time_ms[-1]) - int(part.time_ms[0])) / DAY_MS,
    }


def _early_warning(run: TrainingResult, threshold: float) -> dict[str, object]:
    """Leads, people in a fraud and money at the recommended thresholds; a subject is warned once."""
    test = run.split.parts["test"]
    warnings, losses = tables_of_part(
        test, run.label("test"), run.weight("test"), run.probability["test"], threshold
    )
    days = max(1.0, (int(test.time_ms[-1]) - int(test.time_ms[0])) / DAY_MS)
    return early_warning(warnings, losses, days)


def swarm(run: TrainingResult, metrics: dict[str, Any], top: int = 12) -> dict[str, Any]:
    """SHAP values of single test events for the most important features, and ranks as shades."""
    rows, shap = (one[::3] for one in _shap(run))  # a third of the points shows the same shape
    names = [row["feature"] for row in metrics["importance"][:top]]
    columns = [run.dataset.features.index(name) for name in names]
    vectors = run.split.parts["test"].vectors[rows][:, columns]
    ranks = np.argsort(np.argsort(vectors, axis=0), axis=0) / max(1, len(rows) - 1)
    return {"names": names, "values": shap[:, columns].T.tolist(), "shades": ranks.T.tolist()}


def _importance(run: TrainingResult) -> list[dict[str, object]]:
    """Share of gain of all models, and mean absolute SHAP value in log-odds over frauds and as many others."""
    models = (run.models.common, *run.models.own.values())
    gain = sum(
        (one.estimator.booster_.feature_importance("gain").astype(float) for one in models),
        np.zeros(len(run.dataset.features)),
    )
    strength = np.abs(_shap(run)[1]).mean(axis=0)
    order = np.argsort(-strength)
    return [
        {
            "feature": run.dataset.features[index],
            "gain": float(gain[index] / max(gain.sum(), 1e-12)),
            "shap": float(strength[index]),
        }
        for index in order
    ]


def _shap(run: TrainingResult) -> tuple[NDArray[np.int64], Floats]:
    """A fixed sample of test rows, half of them frauds, and their SHAP values [rows, F] by the model that scores."""
    test, label = run.split.parts["test"], run.label("test")
    rng = np.random.default_rng(run.options.seed)
    fraud, honest = np.flatnonzero(label == 1), np.flatnonzero(label == 0)
    rows = np.r_[
        rng.choice(fraud, min(len(fraud), _SHAP_ROWS // 2), replace=False),
        rng.choice(honest, min(len(honest), _SHAP_ROWS // 2), replace=False),
    ]
    found = np.zeros((len(rows), len(run.dataset.features)))
    for model, own in run.models.rows_by_model(test.kind[rows]):
        if len(own):
            shap = model.estimator.booster_.predict(
                test.vectors[rows[own]], pred_contrib=True, num_threads=2
            )
            found[own] = np.asarray(shap, np.float64)[:, :-1]
    return rows, found


def _drift(run: TrainingResult) -> dict[str, float]:
    """PSI of the test part against the training part, largest first."""
    train, test = run.split.parts["train"], run.split.parts["test"]
    reference = make_reference(
        train.vectors, run.probability["train"], run.dataset.features, run.weight("train")
    )
    found = {}
    for index, name in enumerate((*run.dataset.features, SCORE)):
        values = run.probability["test"] if name == SCORE else test.vectors[:, index]
        histogram = reference.histograms[name]
        observed = share_by_bin(np.asarray(values, np.float64), histogram, run.weight("test"))
        found[name] = psi(np.asarray(histogram.shares), observed)
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _speed(run: TrainingResult) -> float:
    """Microseconds a row of the slowest compiled forest in blocks of 1000, the best of five on this machine."""
    rows = np.resize(run.split.parts["test"].vectors, (1000, len(run.dataset.features)))
    slowest = 0.0
    for model in (run.models.common, *run.models.own.values()):
        forest = compile_forest(model.estimator.booster_.dump_model())
        forest.raw(rows)
        best = math.inf
        for _ in range(5):
            begun = time.perf_counter()
            forest.raw(rows)
            best = min(best, time.perf_counter() - begun)
        slowest = max(slowest, best)
    return slowest * 1e6 / len(rows)


def without_nan(value: Any) -> Any:
    """JSON knows no NaN: null says that the data cannot answer."""
    if isinstance(value, dict):
        return {key: without_nan(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_nan(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
