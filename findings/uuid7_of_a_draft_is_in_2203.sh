#!/usr/bin/env bash
# The package uuid7 makes identifiers whose time, read as RFC 9562 says, lies in the year 2203.
#
# Packages: uuid7 0.1.0, uuid6 2025.0.1, uuid-utils 1.2.0.
# Expected: a version 7 UUID begins with 48 bits of milliseconds since 1970, whichever package made it, so that
#           identifiers of several services sort by time together.
# Happens:  uuid7 0.1.0 follows a draft of the RFC (36 bits of seconds, then fractions). Version and variant bits are
#           those of version 7, so nothing tells the two apart. Its identifiers of today sort after those that the
#           other packages make today, which are those of the RFC.
# Matters:  readers that take the time from an identifier (uuid_extract_timestamp of PostgreSQL 18, retention by
#           identifier, partitions by time) keep such rows for another 177 years, and "the newest event" is the one of
#           the service with the old package.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check uuid7==0.1.0 uuid6==2025.0.1 uuid-utils==1.2.0
env/bin/python - <<'PY'
from datetime import UTC, datetime

import uuid6
import uuid_extensions
import uuid_utils


def time_of(identifier) -> datetime:
    """The time of a version 7 UUID (RFC 9562, section 5.7)."""
    assert identifier.hex[12] == "7" and identifier.hex[16] in "89ab"
    return datetime.fromtimestamp(int(identifier.hex[:12], 16) / 1000, UTC)


made = {"uuid7": uuid_extensions.uuid7(), "uuid6": uuid6.uuid7(), "uuid-utils": uuid_utils.uuid7()}
for package, identifier in made.items():
    print(f"{package:<11}{identifier}  {time_of(identifier):%Y-%m-%d}")
now = datetime.now(UTC)
assert time_of(made["uuid7"]).year > now.year + 100
assert all(abs(time_of(made[name]) - now).total_seconds() < 60 for name in ("uuid6", "uuid-utils"))
assert str(made["uuid7"]) > str(made["uuid6"]), "the draft's sort after the RFC's"
PY
