#!/usr/bin/env bash
# Every stream benchmark in one go, about a quarter of an hour on two cores; results as JSON in
# benchmarks/results. The machine has to be quiet: each result notes the load that it was measured at.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}
"$python" -m benchmarks.stream_floor
"$python" -m benchmarks.stream_worker "$@"
