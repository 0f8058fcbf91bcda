#!/usr/bin/env bash
# Converters to China's map coordinates shift points in Myanmar, Hong Kong, Taipei and Seoul by up to 600 m.
#
# Packages: eviltransform 0.1.1 (PyPI), gcoord 1.0.7 (npm).
# Expected: GCJ-02 is used on maps of mainland China; both libraries have an "outside of China" test and leave
#           other points alone.
# Happens:  the test is one rectangle, which also holds Kokang and Myawaddy in Myanmar, Sihanoukville in Cambodia,
#           Hong Kong, Taipei and Seoul. Only points as far as Tokyo are left alone.
# Matters:  places abroad where fraud calls come from are exactly in that rectangle. Positions of roaming phones
#           and of cells at the border are half a kilometre off, and a cell's street changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check eviltransform==0.1.1
npm init --yes > npm.log
npm install --silent --no-fund --no-audit gcoord@1.0.7 >> npm.log
cat > places.json <<'JSON'
{"Kokang": [23.69, 98.76], "Myawaddy": [16.69, 98.51], "Sihanoukville": [10.62, 103.5], "Hong Kong": [22.3, 114.17],
 "Taipei": [25.03, 121.56], "Seoul": [37.57, 126.98], "Tokyo": [35.68, 139.69]}
JSON
env/bin/python - <<'PY'
import json
import eviltransform

for name, (latitude, longitude) in json.load(open("places.json")).items():
    metres = eviltransform.distance(latitude, longitude, *eviltransform.wgs2gcj(latitude, longitude))
    print(f"eviltransform 0.1.1: {name} moves {metres:.0f} m")
    assert (metres > 150) == (name != "Tokyo")
PY
node -e '
const assert = require("assert"), library = require("gcoord"), gcoord = library.default || library;
for (const [name, [latitude, longitude]] of Object.entries(require("./places.json"))) {
  const [x, y] = gcoord.transform([longitude, latitude], gcoord.WGS84, gcoord.GCJ02);
  const metres = Math.hypot((y - latitude) * 111195, (x - longitude) * 111195 * Math.cos(latitude * Math.PI / 180));
  console.log(`gcoord 1.0.7: ${name} moves ${metres.toFixed(0)} m`);
  assert.equal(metres > 150, name !== "Tokyo");
}
'
