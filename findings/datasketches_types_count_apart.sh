#!/usr/bin/env bash
# Apache DataSketches counts the payee 1 and the payee 1.0 as two.
#
# Packages: datasketches 5.2.0, pandas 3.1.1.
# Expected: equal values count once, as in a Python set, where 1, 1.0 and True are one member.
# Happens:  integers and floats are hashed by different rules, so a sketch estimates 2 for {1, 1.0}. pandas turns
#           an integer column with a missing cell into floats, so the same thousand payees read from a file with
#           and from a file without a gap are estimated as about two thousand.
# Matters:  distinct counts (payees of an account, callers of a number) double from the day a missing value first
#           appears, and merged sketches stay wrong.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check datasketches==5.2.0 pandas==3.1.1
env/bin/python - <<'PY'
import io
from importlib.metadata import version

import pandas as pd
from datasketches import hll_sketch, update_theta_sketch

print("datasketches", version("datasketches"))
whole = pd.read_csv(io.StringIO("payee\n" + "\n".join(map(str, range(1000)))))["payee"]
gap = pd.read_csv(io.StringIO("payee,x\n" + "\n".join(f"{n},1" for n in range(1000)) + "\n,1"))["payee"].dropna()
assert set(whole) == set(gap)
for sketch in (hll_sketch(12), update_theta_sketch()):
    for column in (whole, gap):
        for payee in column.tolist():
            sketch.update(payee)
    print(type(sketch).__name__, "estimates", round(sketch.get_estimate()), "of 1000 payees")
    assert 1900 < sketch.get_estimate() < 2100
PY
