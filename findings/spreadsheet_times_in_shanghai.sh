#!/usr/bin/env bash
# One cell of 09:00:00 is 08:59:17 in SheetJS and 17:00 in ExcelJS when Node runs in Shanghai.
#
# Packages: openpyxl 3.1.5 (writer), xlsx 0.18.5 and exceljs 4.4.0 (npm).
# Expected: a cell has no zone, so readers give the wall clock: 09:00:00 local time.
# Happens:  SheetJS (cellDates) is 43 seconds early, as it takes the offset of 1899, when local mean time of
#           Shanghai was 8:05:43; midnight becomes the day before. ExcelJS takes the cell as UTC, eight hours late.
#           The text that SheetJS formats from the same cell is right.
# Matters:  bank statements come as spreadsheets. Transfers at midnight change their day, and joins with calls by
#           time are 43 seconds or eight hours off; in a container that runs in UTC all tests pass.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check openpyxl==3.1.5
npm init --yes > npm.log
npm install --silent --no-fund --no-audit xlsx@0.18.5 exceljs@4.4.0 >> npm.log
env/bin/python - <<'PY'
import datetime
import openpyxl

book = openpyxl.Workbook()
book.active.append([datetime.datetime(2026, 11, 29, 9, 0)])
book.active.append([datetime.datetime(2026, 11, 29)])
book.save("statement.xlsx")
PY
cat > read.cjs <<'JS'
const assert = require("assert"), XLSX = require("xlsx"), ExcelJS = require("exceljs");
const local = (d) => [d.getFullYear(), d.getMonth() + 1, d.getDate()].join("-") + " " + d.toTimeString().slice(0, 8);
const sheet = Object.values(XLSX.readFile("statement.xlsx", { cellDates: true }).Sheets)[0];
const first = ["A1", "A2"].map((cell) => local(sheet[cell].v));
console.log(process.env.TZ, "xlsx 0.18.5:", first, "as text:", sheet.A1.w);
const book = new ExcelJS.Workbook();
book.xlsx.readFile("statement.xlsx").then(() => {
  const second = ["A1", "A2"].map((cell) => local(book.worksheets[0].getCell(cell).value));
  console.log(process.env.TZ, "exceljs 4.4.0:", second);
  const shanghai = process.env.TZ === "Asia/Shanghai";
  assert.deepEqual(first, shanghai ? ["2026-11-29 08:59:17", "2026-11-28 23:59:17"] : ["2026-11-29 09:00:00", "2026-11-29 00:00:00"]);
  assert.deepEqual(second, shanghai ? ["2026-11-29 17:00:00", "2026-11-29 08:00:00"] : ["2026-11-29 09:00:00", "2026-11-29 00:00:00"]);
}).catch((error) => { console.error(error); process.exit(1); });
JS
TZ=UTC node read.cjs
TZ=Asia/Shanghai node read.cjs
