#!/usr/bin/env bash
# SQLite grants BEGIN IMMEDIATE to a connection that may not write.
#
# Packages: none; SQLite 3.40.1 as Python 3.11 brings it.
# Expected: BEGIN IMMEDIATE takes the one write lock or fails, so on a read-only connection it fails at once.
# Happens:  it succeeds and begins to read. A writer gets the same lock meanwhile, and only the first change fails
#           ("attempt to write a readonly database"), with the old journal and with WAL.
# Matters:  a check at the start that begins and ends a write finds a read-only file fit, and code that reads under
#           the lock to decide what it writes does not have it. Ask with a statement that changes no row, such as
#           DELETE FROM t WHERE 0.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 - <<'PY'
import sqlite3

print("SQLite", sqlite3.sqlite_version)
for journal in ("delete", "wal"):
    writer = sqlite3.connect(f"{journal}.db", isolation_level=None, timeout=0.1)
    writer.execute(f"PRAGMA journal_mode = {journal}")
    writer.execute("CREATE TABLE t (x)")
    reader = sqlite3.connect(f"file:{journal}.db?mode=ro", uri=True, isolation_level=None)
    reader.execute("BEGIN IMMEDIATE")
    assert reader.in_transaction
    writer.execute("BEGIN IMMEDIATE")  # "database is locked" if the reader had the lock
    writer.execute("ROLLBACK")
    try:
        reader.execute("DELETE FROM t WHERE 0")
    except sqlite3.OperationalError as error:
        print(f"{journal}: both have begun to write; the first change of the reader: {error}")
    else:
        raise SystemExit("the change was accepted")
    reader.close()
    writer.close()
PY
