#!/usr/bin/env bash
# quiffen reads -12,50 in a QIF file as -1250: a decimal comma is removed.
#
# Packages: quiffen 4.0.1.
# Expected: QIF has no locale, and European banks export decimal commas; an amount that cannot be told apart is
#           refused, at least 1.234,56, which can mean one thing only.
# Happens:  every comma is dropped. -12,50 becomes -1250 and 1.234,56 becomes 1.23456, without a warning, although
#           day_first=True already says that the file is European.
# Matters:  amounts are a hundred times too large or a thousand times too small, in the same file.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check quiffen==4.0.1
env/bin/python - <<'PY'
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path

from quiffen import Qif

print("quiffen", version("quiffen"))
for text, expected in {"-12,50": "-1250", "1.234,56": "1.23456", "-12.50": "-12.50"}.items():
    Path("bank.qif").write_text(f"!Type:Bank\nD31/12/25\nT{text}\nPShop\n^\n")
    accounts = Qif.parse("bank.qif", day_first=True).accounts.values()
    (amount,) = (t.amount for a in accounts for listed in a.transactions.values() for t in listed)
    print(f"{text} is read as {amount}")
    assert amount == Decimal(expected)
PY
