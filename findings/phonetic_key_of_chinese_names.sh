#!/usr/bin/env bash
# Double Metaphone gives every Chinese name the same, empty key.
#
# Packages: Metaphone 0.6.
# Expected: a phonetic key of a name in Chinese characters is refused, or is the name itself, so that two names
#           differ.
# Happens:  doublemetaphone() returns ('', '') for all of them, which compares as equal.
# Matters:  record linkage that blocks or matches by phonetic key puts all customers with Chinese names in one
#           block: a quadratic join, and every payee matches every watch-list entry. Transliterate first.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check Metaphone==0.6
env/bin/python - <<'PY'
from importlib.metadata import version
from metaphone import doublemetaphone

print("Metaphone", version("Metaphone"))
keys = {name: doublemetaphone(name) for name in ("张伟", "李娜", "欧阳建国", "Zhang Wei", "Li Na")}
for name, key in keys.items():
    print(name, key)
assert keys["张伟"] == keys["李娜"] == keys["欧阳建国"] == ("", "")
assert keys["Zhang Wei"] != keys["Li Na"]
PY
