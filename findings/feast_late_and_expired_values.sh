#!/usr/bin/env bash
# Feast serves an old value after a newer one, serves expired values, and leaves rows out of training data.
#
# Packages: feast 0.67.0 with its default stores (SQLite online, files offline).
# Expected: the online store keeps the value with the latest event time; a value past its ttl is served as missing;
#           a point-in-time join keeps every row that was asked for, with NULL where there is no value.
# Happens:  a late record overwrites a newer one; a value of two days ago is served as PRESENT under a ttl of an
#           hour; the join drops the row of a caller whose only value has expired, and keeps the row of a caller
#           that was never seen.
# Matters:  the model scores live events with values that it can never have met in training, and the training set
#           lacks just those callers that were quiet for longer than the ttl.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check feast==0.67.0
FEAST_USAGE=False env/bin/python -W ignore - 2> feast.log <<'PY' || { cat feast.log; exit 1; }
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

import pandas as pd
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
from feast.types import Int64

here, now = Path.cwd(), datetime.now(UTC).replace(microsecond=0)
ago = {name: now - delta for name, delta in {
    "minutes": timedelta(minutes=5), "half_hour": timedelta(minutes=30), "days": timedelta(days=2)}.items()}
pd.DataFrame({"caller": ["expired", "fresh"], "calls": [1, 2], "at": [ago["days"], ago["minutes"]]}).to_parquet("calls.parquet")
caller = Entity(name="caller", join_keys=["caller"], value_type=ValueType.STRING)
view = FeatureView(
    name="recent", entities=[caller], ttl=timedelta(hours=1), online=True,
    schema=[Field(name="calls", dtype=Int64)],
    source=FileSource(path=str(here / "calls.parquet"), timestamp_field="at"),
)
store = FeatureStore(config=RepoConfig(
    project="finding", provider="local", registry=str(here / "registry.db"),
    online_store={"type": "sqlite", "path": str(here / "online.db")}, entity_key_serialization_version=3,
))
store.apply([caller, view])


def write(calls, at):
    store.write_to_online_store("recent", pd.DataFrame({"caller": ["a"], "calls": [calls], "at": [at]}))


def read():
    return store.get_online_features(features=["recent:calls"], entity_rows=[{"caller": "a"}]).to_dict()["calls"]


print("feast", version("feast"))
write(7, now)
write(3, ago["half_hour"])
late = read()
print("7 now, then 3 of half an hour ago:", late)
write(9, ago["days"])
expired = read()
print("9 of two days ago, ttl one hour:", expired)
asked = pd.DataFrame({"caller": ["expired", "fresh", "unknown"], "event_timestamp": [now] * 3})
joined = store.get_historical_features(entity_df=asked, features=["recent:calls"]).to_df()
print("asked for expired, fresh, unknown; joined:", sorted(joined["caller"]))
assert late == [3] and expired == [9] and sorted(joined["caller"]) == ["fresh", "unknown"]
PY
