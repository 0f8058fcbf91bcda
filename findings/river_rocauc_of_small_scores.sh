#!/usr/bin/env bash
# River's streaming ROCAUC is 0.5 for a good fraud model whose scores are small.
#
# Packages: river 0.26.1, scikit-learn 1.9.1.
# Expected: the streaming area under the curve is near scikit-learn's for the same scores, and does not change
#           when all scores are multiplied by a constant, as the measure depends on their order only.
# Happens:  it counts at ten fixed thresholds between 0 and 1. Calibrated fraud scores lie below the lowest of
#           them, so a model with an area of 0.96 is reported as 0.5, which is chance.
# Matters:  a calibrated model of rare frauds looks useless on a live dashboard; a model selection by this metric
#           prefers badly calibrated models. Pass thresholds that fit the scores.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check river==0.26.1 scikit-learn==1.9.1
env/bin/python - <<'PY'
import numpy as np
import river
from river import metrics
from sklearn.metrics import roc_auc_score

print("river", river.__version__)
rng = np.random.default_rng(0)
fraud = rng.random(20_000) < 0.005
scores = np.clip(rng.beta(1, 20, 20_000) + fraud * rng.beta(2, 8, 20_000), 0, 1)
for scale in (1.0, 0.1):
    streaming = metrics.ROCAUC()
    for truth, score in zip(fraud, scores * scale):
        streaming.update(bool(truth), float(score))
    exact = roc_auc_score(fraud, scores * scale)
    print(f"scores times {scale}: scikit-learn {exact:.3f}, river {streaming.get():.3f}")
    assert exact > 0.94
assert streaming.get() == 0.5
PY
