"""Reads a CSV file of clues line by line, so that one broken line costs no other.

Libraries that parse a whole file refuse it, or swallow lines, after one unclosed quote. A clue has
no line break inside, so each line is parsed for itself and keeps its number.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass

from alerting.service_errors import InvalidRequestError

MAX_LINES = 2_000
COLUMNS = ("kind", "number", "reason", "days")
KINDS = {"phone": "phone", "account": "account", "电话": "phone", "手机": "phone", "账户": "account", "账号": "account", "银行卡": "account"}  # fmt: skip
TITLES = {
    "kind": "kind", "类型": "kind", "类别": "kind", "number": "number", "peer": "number", "号码": "number",
    "账号": "number", "号码或账号": "number", "reason": "reason", "理由": "reason", "备注": "reason",
    "days": "days", "天数": "days", "有效天数": "days",
}  # fmt: skip
DEFAULT_DAYS = 90


@dataclass(frozen=True, slots=True)
class ClueLine:
    """One line: what it says, and the code of its fault, empty if it has none."""

    line_no: int
    kind: str
    number: str
    reason: str
    days: int
    fault: str = ""


def read_clues(data: bytes) -> list[ClueLine]:
    """The lines of a file in UTF-8 or GB 18030 with a header; separated by comma, semicolon or tab.

    Raises:
        InvalidRequestError: the file is no text, has no header or too many lines.
    """
    lines = _decoded(data).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    header = lines[0] if lines else ""
    separator = max(",;\t", key=header.count)
    titles = [TITLES.get(title.strip().strip('"').lower(), "") for title in header.split(separator)]
    if "kind" not in titles or "number" not in titles:
        raise InvalidRequestError(
            "The first line has to name the columns kind and number.",
            code="no_header",
            field="file",
        )
    filled = [(number, line) for number, line in enumerate(lines[1:], start=2) if line.strip()]
    if not 1 <= len(filled) <= MAX_LINES:
        raise InvalidRequestError(
            f"A file has 1 to {MAX_LINES} clues.", code="not_that_many_clues", field="file"
        )
    return list(_marked(_line(number, line, titles, separator) for number, line in filled))


def _decoded(data: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise InvalidRequestError(
        "The file is neither UTF-8 nor GB 18030.", code="not_a_text_file", field="file"
    )


def _line(line_no: int, line: str, titles: list[str], separator: str) -> ClueLine:
    try:
        [cells] = csv.reader([line], delimiter=separator, strict=True)
    except (csv.Error, ValueError):
        return ClueLine(line_no, "", line[:64], "", 0, "broken_line")
    if len(cells) != len(titles):
        return ClueLine(line_no, "", line[:64], "", 0, "another_number_of_cells")
    fields = {title: cell.strip() for title, cell in zip(titles, cells, strict=True) if title}
    kind = KINDS.get(fields["kind"].lower(), "")
    number = "".join(fields["number"].split()).removeprefix("'")
    if kind == "phone":
        number = number.replace("-", "")
    days = fields.get("days") or str(DEFAULT_DAYS)
    known = days.isascii() and days.isdigit() and 1 <= int(days[:6]) <= 3650
    fault = ""
    if not kind:
        fault = "unknown_kind"
    elif not number or len(number) > 64 or not number.isascii() or not number.isprintable():
        fault = "not_a_number" if kind == "phone" else "not_an_account"
    elif not known:
        fault = "not_a_number_of_days"
    return ClueLine(
        line_no,
        kind,
        number[:64],
        fields.get("reason", "")[:500],
        int(days[:6]) if known else 0,
        fault,
    )


def _marked(lines: Iterator[ClueLine]) -> Iterator[ClueLine]:
    """The same lines; one that repeats an earlier one has a fault."""
    seen: set[tuple[str, str]] = set()
    for line in lines:
        key = (line.kind, line.number)
        if not line.fault and key in seen:
            yield ClueLine(
                line.line_no, line.kind, line.number, line.reason, line.days, "twice_in_the_file"
            )
            continue
        if not line.fault:
            seen.add(key)
        yield line
