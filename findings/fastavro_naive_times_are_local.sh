#!/usr/bin/env bash
# fastavro takes a naive time for timestamp-millis as the machine's local time and gives back UTC.
#
# Packages: fastavro 1.13.1, avro 1.12.2.
# Expected: a timestamp is an instant, so a time without a zone is refused, or taken as UTC as most encoders do.
# Happens:  fastavro converts it with the zone of the process. The same record written in a container (UTC) and on
#           a workstation (Asia/Shanghai) is eight hours apart; the official avro package refuses the naive time.
# Matters:  event times shift by eight hours between a developer's machine and the cluster, and only in records
#           whose producer forgot the zone.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check fastavro==1.13.1 avro==1.12.2
cat > write.py <<'PY'
import datetime
import io
import fastavro

schema = fastavro.parse_schema({"type": "long", "logicalType": "timestamp-millis"})
message = io.BytesIO()
fastavro.schemaless_writer(message, schema, datetime.datetime(2026, 11, 29, 9, 0))
message.seek(0)
print(fastavro.schemaless_reader(message, schema).isoformat())
PY
utc=$(TZ=UTC env/bin/python write.py)
shanghai=$(TZ=Asia/Shanghai env/bin/python write.py)
echo "fastavro 1.13.1, naive 09:00 written in UTC: $utc, in Asia/Shanghai: $shanghai"
[[ $utc == 2026-11-29T09:00:00+00:00 && $shanghai == 2026-11-29T01:00:00+00:00 ]]
env/bin/python - <<'PY'
import datetime
import io
import avro.errors
import avro.io
import avro.schema

schema = avro.schema.parse('{"type": "long", "logicalType": "timestamp-millis"}')
try:
    avro.io.DatumWriter(schema).write(datetime.datetime(2026, 11, 29, 9, 0), avro.io.BinaryEncoder(io.BytesIO()))
except avro.errors.AvroTypeException as refused:
    print("avro 1.12.2 refuses it:", str(refused)[:80])
else:
    raise SystemExit("avro accepted the naive time")
PY
