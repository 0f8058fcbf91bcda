#!/usr/bin/env bash
# orjson reads a SIM card's number of twenty digits as a float, without an error.
#
# Packages: orjson 3.13.0, ujson 6.1.0, python-rapidjson 1.25, ijson 3.6.0, pysimdjson 7.0.2, msgspec 0.23.0.
# Expected: the same integer as Python's json gives, or an error.
# Happens:  orjson turns every integer beyond 64 bits into a float: neighbouring numbers become equal, and dumps()
#           writes 8.98600123456789e+19 back. It refuses to write such an integer itself. pysimdjson raises; the
#           other four keep every digit.
# Matters:  numbers of SIM cards (ICCID, 19 or 20 digits) and long account numbers that a source sends as JSON
#           numbers meet each other after the change to a faster parser: two people are one. Identifiers have to be
#           text.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check orjson==3.13.0 ujson==6.1.0 python-rapidjson==1.25 \
  ijson==3.6.0 pysimdjson==7.0.2 msgspec==0.23.0
env/bin/python - <<'PY'
import io
import json

import ijson
import msgspec
import orjson
import rapidjson
import simdjson
import ujson

FIRST, SECOND = "89860012345678901234", "89860012345678902234"
EXACT = {
    "json": json.loads,
    "ujson": ujson.loads,
    "rapidjson": rapidjson.loads,
    "msgspec": msgspec.json.decode,
    "ijson": lambda text: next(ijson.items(io.BytesIO(text.encode()), "")),
}
for name, loads in EXACT.items():
    print(f"{name:<10}", loads(FIRST), loads(SECOND))
    assert (loads(FIRST), loads(SECOND)) == (int(FIRST), int(SECOND))
try:
    simdjson.loads(FIRST)
    raise AssertionError("pysimdjson reads it now")
except ValueError as error:
    print("simdjson  ", error)
first, second = orjson.loads(FIRST), orjson.loads(SECOND)
print("orjson    ", first, second, "equal:", first == second, "written again:", orjson.dumps(first))
assert first == second and isinstance(first, float)
assert orjson.loads("18446744073709551615") == 2**64 - 1, "64 bits are exact"
PY
