#!/usr/bin/env bash
# SHAP's TreeExplainer uses 100 of the 5,000 background rows that it is given; the base probability doubles.
#
# Packages: shap 0.51.0, lightgbm 4.7.0.
# Expected: with X as background, expected_value is the mean prediction over X.
# Happens:  the background is cut to 100 rows without a warning. For a fraud rate of one per cent the explained base
#           probability is 0.0198 where the mean prediction is 0.0107; contributions are off by the difference.
# Matters:  "the base risk is two per cent" in an explanation is an accident of one draw; it changes with the order
#           of rows. Pass a masker with max_samples, or a chosen sample.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check shap==0.51.0 lightgbm==4.7.0 numpy==2.4.6 scikit-learn==1.9.1
env/bin/python -W ignore - <<'PY'
import lightgbm
import numpy as np
import shap

rng = np.random.default_rng(0)
rows = rng.normal(size=(5000, 5))
fraud = (rows[:, 0] + rng.normal(size=5000) > 3.2).astype(int)
model = lightgbm.LGBMClassifier(n_estimators=50, verbose=-1, n_jobs=1).fit(rows, fraud)
mean = model.predict_proba(rows)[:, 1].mean()
default = shap.TreeExplainer(model, rows, model_output="probability")
whole = shap.TreeExplainer(model, shap.maskers.Independent(rows, max_samples=5000), model_output="probability")
print(f"shap {shap.__version__}: background {default.data.shape[0]} rows, base {default.expected_value:.4f}, mean {mean:.4f}")
print(f"with max_samples: background {whole.data.shape[0]} rows, base {whole.expected_value:.4f}")
assert default.data.shape[0] == 100 and abs(default.expected_value - mean) > 0.005
assert whole.data.shape[0] == 5000 and abs(whole.expected_value - mean) < 0.0005
PY
