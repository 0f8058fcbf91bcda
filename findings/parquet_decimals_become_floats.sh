#!/usr/bin/env bash
# fastparquet and hyparquet read decimal columns as floats; hyparquet also cuts microseconds.
#
# Packages: pyarrow 26.0.1 (writer), fastparquet 2026.9.0 (PyPI), hyparquet 1.31.5 (npm).
# Expected: decimal(20, 2) comes back exact, as Decimal or as text, and an instant keeps its microseconds and zone.
# Happens:  both give a float, so 12345678901234567.89 becomes ...568 and sums of cents are no longer exact.
#           fastparquet drops the zone of a UTC instant; hyparquet gives a Date, which holds milliseconds, so two
#           events one microsecond apart have the same time. 64-bit integers stay exact in both.
# Matters:  ledgers kept as decimals are not exact for these readers; order and deduplication by time break.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check pyarrow==26.0.1 fastparquet==2026.9.0 pandas==2.3.3
npm init --yes > npm.log
npm install --silent --no-fund --no-audit hyparquet@1.31.5 >> npm.log
env/bin/python - <<'PY'
from decimal import Decimal
import fastparquet
import pyarrow as pa
import pyarrow.parquet as pq

table = pa.table({
    "amount": pa.array([Decimal("12.34"), Decimal("12345678901234567.89")], pa.decimal128(20, 2)),
    "at": pa.array([1_795_942_800_123_456, 1_795_942_800_123_457], pa.timestamp("us", "UTC")),
})
pq.write_table(table, "ledger.parquet")
print("pyarrow", pa.__version__, "reads", pq.read_table("ledger.parquet").to_pylist()[1])
frame = fastparquet.ParquetFile("ledger.parquet").to_pandas()
print("fastparquet", fastparquet.__version__, "reads", frame.iloc[1].to_dict())
assert frame["amount"].dtype == float and frame["at"].dt.tz is None
PY
cat > read.mjs <<'JS'
import assert from "node:assert";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";

const rows = await parquetReadObjects({ file: await asyncBufferFromFile("ledger.parquet") });
console.log("hyparquet 1.31.5 reads", rows[1]);
assert.equal(rows[1].amount, 12345678901234568);
assert.equal(rows[0].at.getTime(), rows[1].at.getTime());
JS
node read.mjs
