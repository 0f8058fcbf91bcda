#!/usr/bin/env bash
# HdrHistogram for Python leaves out values above its limit: the slowest answers are not in the percentiles.
#
# Packages: hdrhistogram 0.10.8 (Python).
# Expected: a latency above the highest trackable value counts as that value, or raises.
# Happens:  record_value() returns False and the value is gone. With a limit of one minute and one answer in ten
#           that takes two minutes, the 99th percentile and the maximum are 10 ms.
# Matters:  a measurement of latency is wrong exactly when the service fails, and looks excellent.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check hdrhistogram==0.10.8
env/bin/python - <<'PY'
from importlib.metadata import version
from hdrh.histogram import HdrHistogram

histogram = HdrHistogram(1, 60_000, 3)
recorded = [histogram.record_value(ms) for ms in [10] * 900 + [120_000] * 100]
p99, largest, count = histogram.get_value_at_percentile(99), histogram.get_max_value(), histogram.get_total_count()
print(f"hdrhistogram {version('hdrhistogram')}: of 1000 recorded {count}, p99 {p99} ms, maximum {largest} ms")
assert (p99, largest, count) == (10, 10, 900) and recorded[-1] is False
PY
