#!/usr/bin/env bash
# card-validator accepts every mistyped UnionPay card number.
#
# Packages: card-validator 10.0.4 (npm).
# Expected: a number with one wrong digit fails the check digit, whatever the brand; UnionPay uses it as well.
# Happens:  for UnionPay (62...) the check digit is not tested unless luhnValidateUnionPay is set; any last digit is
#           valid. A Visa number with a wrong digit is refused.
# Matters:  in China nearly every card is a UnionPay card: the check that should catch misread account numbers
#           passes all of them, and alerts carry numbers that no bank knows.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > npm.log
npm install --silent --no-fund --no-audit card-validator@10.0.4 >> npm.log
node -e '
const assert = require("assert"), { number } = require("card-validator");
const valid = (prefix, options) => [..."0123456789"].filter((digit) => number(prefix + digit, options).isValid);
const visa = valid("411111111111111"), union = valid("622202000000000000"), checked = valid("622202000000000000", { luhnValidateUnionPay: true });
console.log("card-validator 10.0.4, valid last digits: Visa", visa, "UnionPay", union, "UnionPay with the option", checked);
assert.equal(visa.length, 1);
assert.equal(union.length, 10);
assert.equal(checked.length, 1);
'
