#!/usr/bin/env bash
# Apache Arrow for JavaScript prints the decimal 12.34 as 1234.
#
# Packages: apache-arrow 21.2.0 (npm), pyarrow 26.0.1 (PyPI).
# Expected: a decimal(18, 2) of 12.34 prints as 12.34, or at least says that it is unscaled.
# Happens:  String(), Number() and JSON.stringify() of the cell give 1234. The scale is in the column's type only.
# Matters:  a dashboard or notebook that reads the pipeline's Arrow files shows every amount a hundred times too
#           large, and does so plausibly.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check pyarrow==26.0.1
npm init --yes > npm.log
npm install --silent --no-fund --no-audit apache-arrow@21.2.0 >> npm.log
env/bin/python - <<'PY'
from decimal import Decimal
import pyarrow as pa

table = pa.table({"amount": pa.array([Decimal("12.34")], pa.decimal128(18, 2))})
with pa.OSFile("transfers.arrow", "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
    writer.write_table(table)
print("pyarrow", pa.__version__, "writes", table["amount"][0])
PY
node -e '
const { tableFromIPC } = require("apache-arrow"), assert = require("assert");
const table = tableFromIPC(require("fs").readFileSync("transfers.arrow")), amount = table.get(0).amount;
console.log("apache-arrow 21.2.0:", String(amount), Number(amount), JSON.stringify(amount), "type", String(table.schema.fields[0].type));
assert.equal(String(amount), "1234");
assert.equal(Number(amount), 1234);
'
