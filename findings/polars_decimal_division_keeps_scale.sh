#!/usr/bin/env bash
# polars divides decimals at the scale of the dividend: a third of 1.00 is 0.33, and the mean is a float.
#
# Packages: polars 2.1.0, duckdb 2.0.0, pyarrow 26.0.1.
# Expected: a quotient of decimals has more digits than its operands (as in SQL Server, Arrow and Spark), or is a
#           float (as in DuckDB).
# Happens:  polars keeps the two digits of the column: the ratio of an amount to a limit has a resolution of one
#           per cent. Written as a float in an expression (/ 3.0) the same column becomes a float.
# Matters:  ratios are features. A ratio below half a per cent is zero, and a rate per transfer is rounded to
#           whole cents, depending on whether the amounts were decimals.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check polars==2.1.0 duckdb==2.0.0 pyarrow==26.0.1
env/bin/python - <<'PY'
from decimal import Decimal

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

amounts, limit = [Decimal("1.00"), Decimal("0.04")], [Decimal("3.00"), Decimal("10.00")]
frame = pl.DataFrame({"amount": amounts, "limit": limit}, schema={n: pl.Decimal(12, 2) for n in ("amount", "limit")})
ratio = frame.select(pl.col("amount") / pl.col("limit"))["amount"]
print("polars", pl.__version__, ratio.dtype, ratio.to_list(), "mean:", type(frame["amount"].mean()).__name__)
assert ratio.to_list() == [Decimal("0.33"), Decimal("0.00")] and isinstance(frame["amount"].mean(), float)

table = pa.table({n: pa.array(v, pa.decimal128(12, 2)) for n, v in {"amount": amounts, "limit": limit}.items()})
arrow = pc.divide(table["amount"], table["limit"])
print("pyarrow", pa.__version__, arrow.type, arrow.to_pylist())
assert arrow.to_pylist()[1] == Decimal("0.004")
connection = duckdb.connect()
connection.register("transfers", table)
rows = connection.sql('select amount / "limit" as ratio from transfers').fetchall()
print("duckdb", duckdb.__version__, rows)
assert float(rows[1][0]) == 0.004
PY
