#!/usr/bin/env bash
# PyOD's ECOD and COPOD give one row another score, and another verdict, depending on the rows beside it.
#
# Packages: pyod 3.6.7.
# Expected: after fit() the score of a row is a function of that row.
# Happens:  decision_function() adds the rows of the call to the training rows before it ranks them. A transfer
#           that is an outlier alone is none when it is scored in one batch with many large transfers.
# Matters:  micro-batches decide what is an alarm: in an attack, when many outliers arrive together, each hides
#           the others. Replays with another batch size give other verdicts.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check pyod==3.6.7
env/bin/python - <<'PY'
import numpy as np
import pyod.version
from pyod.models.copod import COPOD
from pyod.models.ecod import ECOD
from pyod.models.hbos import HBOS

print("pyod", pyod.version.__version__)
rng = np.random.default_rng(1)
usual = rng.lognormal(5, 1, (2000, 3))
large = rng.lognormal(9, 1, (2000, 3))
row = np.array([[5000.0, 200.0, 150.0]])
verdicts = {}
for kind in (ECOD, COPOD, HBOS):
    model = kind(contamination=0.01).fit(usual)
    both = np.vstack([row, large])
    alone, beside = model.decision_function(row)[0], model.decision_function(both)[0]
    verdicts[kind] = (model.predict(row)[0], model.predict(both)[0])
    print(f"{kind.__name__}: alone {alone:.3f}, beside 2000 large ones {beside:.3f}, outlier {verdicts[kind]}")
    assert (alone == beside) == (kind is HBOS)
assert verdicts[COPOD] == (1, 0)
PY
