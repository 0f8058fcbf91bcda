#!/usr/bin/env bash
# A JsonLogic rule "amount < 1000" matches an event without an amount in JavaScript, and not in Python.
#
# Packages: json-logic-js 2.0.5, json-logic-engine 5.0.7 (npm), json-logic-qubit 0.9.1 (PyPI).
# Expected: a comparison with a missing value is false, and the portable rule format gives the same answer in all
#           languages.
# Happens:  both JavaScript engines take a missing or null amount as 0, so amount < 1000 and amount >= 0 are true.
#           The Python engine says false to both.
# Matters:  an allow rule for small transfers lets an event pass whose amount was lost on the way, in the console
#           but not in the worker.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check json-logic-qubit==0.9.1
npm init --yes > npm.log
npm install --silent --no-fund --no-audit json-logic-js@2.0.5 json-logic-engine@5.0.7 >> npm.log
env/bin/python - <<'PY'
from json_logic import jsonLogic

for rule in ({"<": [{"var": "amount"}, 1000]}, {">=": [{"var": "amount"}, 0]}):
    print("json-logic-qubit 0.9.1:", rule, jsonLogic(rule, {}))
    assert jsonLogic(rule, {}) is False
PY
node -e '
const assert = require("assert"), first = require("json-logic-js"), second = new (require("json-logic-engine").LogicEngine)();
for (const rule of [{ "<": [{ var: "amount" }, 1000] }, { ">=": [{ var: "amount" }, 0] }]) {
  const answers = [{}, { amount: null }].flatMap((event) => [first.apply(rule, event), second.run(rule, event)]);
  console.log("json-logic-js 2.0.5, json-logic-engine 5.0.7:", JSON.stringify(rule), answers);
  assert.deepEqual(answers, [true, true, true, true]);
}
'
