#!/usr/bin/env bash
# python-diameter decodes Event-Timestamp into a naive local time and encodes naive times as local.
#
# Packages: python-diameter 0.9.0.
# Expected: a Diameter Time is seconds since 1900 in UTC (RFC 6733), so it is decoded as an aware time, or as UTC.
# Happens:  the value is a naive datetime in the zone of the process: the same bytes are 01:00 in a container and
#           09:00 in Shanghai, and the object cannot tell which.
# Matters:  accounting records (Rf, Ro) stored from two hosts lie eight hours apart; a reader that adds UTC, as the
#           RFC suggests, is wrong on one of them.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check python-diameter==0.9.0
cat > decode.py <<'PY'
from diameter.message import Avp

# Event-Timestamp (code 55): 4004902800 seconds after 1900 are 2026-11-29T01:00:00Z.
avp = Avp.from_bytes(bytes.fromhex("000000374000000c") + (4_004_902_800).to_bytes(4, "big"))
print(avp.value.isoformat())
assert avp.value.tzinfo is None
PY
utc=$(TZ=UTC env/bin/python decode.py)
shanghai=$(TZ=Asia/Shanghai env/bin/python decode.py)
echo "python-diameter 0.9.0, the same twelve bytes: in UTC $utc, in Asia/Shanghai $shanghai"
[[ $utc == 2026-11-29T01:00:00 && $shanghai == 2026-11-29T09:00:00 ]]
