#!/usr/bin/env bash
# The GoRules engine compares card numbers exactly and returns them as 6.22202e+18.
#
# Packages: zen-engine 2.1.3 (PyPI).
# Expected: an engine that computes in decimals gives back the integer that it was given.
# Happens:  in rules 6222020000000000001 and ...002 are told apart, but the result holds the float 6.22202e+18, for
#           any integer that passes through the engine; 17 becomes 17.0 likewise.
# Matters:  the decision is right and names another card: the alert, the block list and the audit record receive
#           a rounded number. Pass identifiers as text.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check zen-engine==2.1.3
env/bin/python - <<'PY'
from importlib.metadata import version
import zen

card = 6_222_020_000_000_000_001
equal = zen.evaluate_expression("card == 6222020000000000001", {"card": card})
neighbour = zen.evaluate_expression("card == 6222020000000000001", {"card": card + 1})
returned = zen.evaluate_expression("card", {"card": card})
print("zen-engine", version("zen-engine"), "compares", equal, neighbour, "returns", repr(returned), "for", card)
assert equal is True and neighbour is False
assert isinstance(returned, float) and int(returned) != card
PY
