#!/usr/bin/env bash
# Avro gives two schemas whose amounts differ a hundredfold the same fingerprint.
#
# Packages: fastavro 1.13.1, avro 1.12.2 (Python), avsc 5.7.9 (npm).
# Expected: a schema whose decimal has scale 4 instead of 2, or whose time is in microseconds instead of
#           milliseconds, is another schema and has another fingerprint.
# Happens:  the fingerprint is taken of the canonical form, which drops logicalType and scale, so all three
#           libraries give one fingerprint. A registry keyed by it keeps the first schema only, and 1234.5600
#           written with scale 4 comes back as 123456.00.
# Matters:  single-object encoding and home-made registries find schemas by fingerprint. After a change of scale
#           or of time unit every amount or instant is wrong, and nothing fails.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check fastavro==1.13.1 avro==1.12.2
npm init --yes > npm.log
npm install --silent --no-fund --no-audit avsc@5.7.9 >> npm.log

env/bin/python - <<'PY'
import io
import json
from decimal import Decimal

import avro.schema
import fastavro
from fastavro.schema import fingerprint, to_parsing_canonical_form


def record(type_):
    return {"type": "record", "name": "Transfer", "fields": [{"name": "value", "type": type_}]}


def decimal(scale):
    return record({"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": scale})


def key(schema):
    return fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO")


print("fastavro", fastavro.__version__)
cents, finer = decimal(2), decimal(4)
millis, micros = (record({"type": "long", "logicalType": f"timestamp-{u}"}) for u in ("millis", "micros"))
print("scale 2 and 4:", key(cents), key(finer))
print("milliseconds and microseconds:", key(millis), key(micros))
assert key(cents) == key(finer) and key(millis) == key(micros)

one, two = (avro.schema.parse(json.dumps(s)) for s in (cents, finer))
assert one.fingerprint() == two.fingerprint()
print("avro 1.12.2: the same")

registry = {}
for schema in (cents, finer):
    registry.setdefault(key(schema), schema)
message = io.BytesIO()
fastavro.schemaless_writer(message, fastavro.parse_schema(finer), {"value": Decimal("1234.5600")})
message.seek(0)
read = fastavro.schemaless_reader(message, fastavro.parse_schema(registry[key(finer)]))
print("written 1234.5600, read", read["value"])
assert read["value"] == Decimal("123456.00")
PY
node -e '
const avro = require("avsc");
const print = (scale) => avro.Type.forSchema({ type: "record", name: "Transfer", fields: [
  { name: "value", type: { type: "bytes", logicalType: "decimal", precision: 12, scale } }] }).fingerprint().toString("hex");
console.log("avsc 5.7.9:", print(2), print(4));
if (print(2) !== print(4)) process.exit(1);
'
