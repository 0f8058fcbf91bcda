#!/usr/bin/env bash
# Three MT940 readers disagree on reversals, and two date a New Year booking a year early.
#
# Packages: mt-940 5.1.1 (Python), mt940js 1.3.5, mt940-js 1.0.0 (npm).
# Expected: RC (reversal of a credit) takes money away and RD (reversal of a debit) gives it back, so that opening
#           balance plus movements is the closing balance; an entry of 2 January with value date 31 December 2025
#           lies in 2026.
# Happens:  mt-940 gives RC a positive amount, so the statement no longer adds up. mt940-js gives amounts without
#           a sign, marks RC as a credit and RD as a debit, and every NTRF movement, received ones too, as an
#           expense. mt940js has the signs right. Both JavaScript readers date the entry 2 January 2025.
# Matters:  a returned transfer looks like money that came in: exactly the sign that separates a victim who got
#           the money back from a mule account. Check each statement against its closing balance.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > statement.sta <<'STA'
:20:STATEMENT
:25:10010010/1234567890
:28C:00001/001
:60F:C251230CNY1000,00
:61:2512310102D100,00NTRFNONREF
:86:paid
:61:2512310102RC50,00NTRFNONREF
:86:reversal of a credit
:61:2512310102RD30,00NTRFNONREF
:86:reversal of a debit
:61:2601020102C7,50NTRFNONREF
:86:received
:62F:C260102CNY887,50
-
STA
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check mt-940==5.1.1
npm init --yes > npm.log
# mt940-js needs tslib and does not ask for it.
npm install --silent --no-fund --no-audit mt940js@1.3.5 mt940-js@1.0.0 tslib@2.8.1 >> npm.log
env/bin/python - <<'PY'
import mt940

statement = mt940.parse("statement.sta")
amounts = [str(t.data["amount"].amount) for t in statement]
total = 1000 + sum(t.data["amount"].amount for t in statement)
print(f"mt-940 {mt940.__version__}: {amounts}, sum {total}, closing balance 887.50")
print("  entry date", statement[0].data["entry_date"])
assert amounts == ["-100.00", "50.00", "30.00", "7.50"]
assert str(statement[0].data["entry_date"]) == "2026-01-02"
PY
TZ=UTC node -e '
const assert = require("assert"), text = require("fs").readFileSync("statement.sta", "utf8");
const first = new (require("mt940js").Parser)().parse(text)[0].transactions;
console.log("mt940js 1.3.5:", first.map((t) => t.amount), "entry date", first[0].entryDate.toISOString().slice(0, 10));
assert.deepEqual(first.map((t) => t.amount), [-100, -50, 30, 7.5]);
assert.equal(first[0].entryDate.getUTCFullYear(), 2025);
require("mt940-js").read(Buffer.from(text)).then(([statement]) => {
  const second = statement.transactions;
  console.log("mt940-js 1.0.0:", second.map((t) => [t.amount, t.isCredit ? "credit" : "debit", t.isExpense ? "expense" : "income"].join(" ")), "entry date", second[0].entryDate);
  assert.deepEqual(second.map((t) => t.amount), [100, 50, 30, 7.5]);
  assert.deepEqual(second.map((t) => t.isCredit), [false, true, false, true]);
  assert.ok(second.every((t) => t.isExpense));
  assert.equal(second[0].entryDate, "2025-01-02");
}).catch((error) => { console.error(error); process.exit(1); });
'
