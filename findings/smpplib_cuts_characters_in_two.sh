#!/usr/bin/env bash
# smpplib cuts a long text in the middle of a character, so two parts of the SMS are damaged.
#
# Packages: smpplib 2.2.4, split-sms 0.1.7 (npm).
# Expected: the parts of a long message are cut between characters: GSM 03.38 and 3GPP TS 23.040 ask for it, and
#           a rare surname (𠮷, two UTF-16 units) or the euro sign (an escape and a letter) stays whole.
# Happens:  smpplib cuts at 134 or 153 bytes. When 𠮷 lies on the border, neither part is valid UTF-16 by itself;
#           when the euro sign does, one part ends in an escape and the next begins with an "e".
# Matters:  phones and gateways that decode each part on its own show the wrong letter or drop the part, in the
#           warning that has to be understood. It depends on the length of the text in front of it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check smpplib==2.2.4
npm init --yes > npm.log
npm install --silent --no-fund --no-audit split-sms@0.1.7 >> npm.log
env/bin/python - <<'PY'
from importlib.metadata import version
from smpplib import gsm

print("smpplib", version("smpplib"))
parts, *_ = gsm.make_parts("请" * 66 + "𠮷" + "先生:不要转账,请先拨打电话核实。")
header = 6
print("end of part 1:", parts[0][-2:].hex(), "start of part 2:", parts[1][header : header + 2].hex())
assert parts[0][-2:].hex() == "d842" and parts[1][header : header + 2].hex() == "dfb7"
parts, *_ = gsm.make_parts("a" * 152 + "€" + "b" * 20)
print("end of part 1:", parts[0][-1:].hex(), "start of part 2:", parts[1][header : header + 1].hex())
assert parts[0][-1:] == b"\x1b" and parts[1][header : header + 1] == b"e"
PY
node -e '
const split = require("split-sms").split, assert = require("assert");
const lengths = split("请".repeat(66) + "𠮷" + "先生:不要转账").parts.map((part) => part.content.length);
console.log("split-sms 0.1.7 keeps it whole: first part has", lengths[0], "units");
assert.equal(lengths[0], 66);
'
