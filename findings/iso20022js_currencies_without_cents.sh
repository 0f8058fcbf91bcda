#!/usr/bin/env bash
# iso20022.js pays 10 yen for an amount of 1000 yen, and ten times too much in dinars.
#
# Packages: iso20022.js 0.0.15 (npm).
# Expected: "amount in the currency's smallest unit": 1000 JPY is 1000 yen (ISO 4217 has no decimals for it), 1234
#           KWD is 1.234 dinars (three decimals).
# Happens:  every amount is divided by 100. The payment order says 10 for the yen and 12.34 for the dinars.
# Matters:  the XML is valid and the bank pays it. A consumer that compares the amount of an order with that of
#           the ledger raises false alarms, or true ones too late.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > npm.log
npm install --silent --no-fund --no-audit iso20022.js@0.0.15 >> npm.log
cat > order.mjs <<'JS'
import assert from "node:assert";
import { ISO20022 } from "iso20022.js";

const agent = { bic: "CHASUS33", bankAddress: { country: "US" } };
const writer = new ISO20022({ initiatingParty: { name: "Payer", id: "PAYER", account: { accountNumber: "123456789012" }, agent } });
const address = { country: "DE", streetName: "Street", townName: "Town", postalCode: "12345" };
const creditor = { name: "Payee", account: { iban: "DE89370400440532013000" }, agent: { bic: "DEUTDEFF" }, address };
console.log("iso20022.js 0.0.15");
for (const [currency, amount, expected] of [["USD", 1000, "10"], ["JPY", 1000, "10"], ["KWD", 1234, "12.34"]]) {
  const xml = writer.createSWIFTCreditPaymentInitiation([{ type: "swift", direction: "credit", amount, currency, creditor }]).toString();
  const [, written] = xml.match(/<InstdAmt[^>]*>([^<]*)/);
  console.log(`${amount} smallest units of ${currency} are written as ${written} ${currency}`);
  assert.equal(written, expected);
}
JS
node order.mjs
