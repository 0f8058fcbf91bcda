"""Checks the file of an evidence pack without a database: its bytes, its sections, and the proof of its audit lines."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from alerting.cases.history.hash_chain import digest_of
from alerting.evidence.evidence_file import DATA, FORMAT, checksums_of, digest_in, digest_over
from alerting.evidence.merkle_tree import root_of

MAX_BYTES = 200_000_000


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was checked, whether it holds, and what was found."""

    name: str
    holds: bool
    found: str


@dataclass(frozen=True, slots=True)
class AuditClaim:
    """The root over a span of lines of the audit log."""

    root: str
    first_no: int
    last_no: int


def check_file(content: bytes, *, expect_root: str = "") -> list[Check]:
    """Check a file; every check is in the result, whether it holds or not.

    Args:
        content: the file.
        expect_root: a root that the audit log or another copy names.
    """
    named, real = digest_in(content), digest_over(content)
    checks = [Check("the bytes of the file", named == real, f"sha256 {real}")]
    data = _data(content)
    if data is None:
        return [*checks, Check("the data", False, f"no readable data of {FORMAT}")]
    sums = data.get("checksums")
    real_sums = checksums_of(data.get("sections", {}))
    wrong = sorted(
        name
        for name in {*real_sums, *(sums or {})}
        if (sums or {}).get(name) != real_sums.get(name)
    )
    checks.append(
        Check(
            "the sections",
            not wrong and bool(real_sums),
            ", ".join(wrong) or f"{len(real_sums)} sections",
        )
    )
    audit = data.get("sections", {}).get("audit", {})
    checks += _audit_checks(audit if isinstance(audit, Mapping) else {})
    if expect_root:
        found = str(audit.get("root", "")) if isinstance(audit, Mapping) else ""
        checks.append(Check("the expected root", found == expect_root, found))
    return checks


def claim_of(content: bytes) -> AuditClaim | None:
    """What a file says of the audit log, for a check against the log itself; None if it says nothing."""
    audit = (_data(content) or {}).get("sections", {}).get("audit", {})
    try:
        return AuditClaim(str(audit["root"]), int(audit["first_no"]), int(audit["last_no"]))
    except (KeyError, TypeError, ValueError):
        return None


def _data(content: bytes) -> dict[str, Any] | None:
    found = DATA.findall(content)
    if len(found) != 1 or len(content) > MAX_BYTES:
        return None
    try:
        data = json.loads(found[0])
    except (ValueError, RecursionError):
        return None
    known = isinstance(data, dict) and data.get("format") == FORMAT
    return data if known and isinstance(data.get("sections"), dict) else None


def _audit_checks(audit: Mapping[str, Any]) -> Iterator[Check]:
    lines = audit.get("lines")
    if not isinstance(lines, list) or not lines:
        yield Check("the audit lines", False, "there are none")
        return
    changed, outside = [], []
    numbers = []
    for line in lines:
        try:
            fields = (line["record_no"], line["at_ms"], line["actor"], line["action"], line["subject"],
                      line["detail"], line["previous"])  # fmt: skip
            number, digest = int(line["record_no"]), str(line["digest"])
            if digest_of(*fields) != digest:
                changed.append(str(number))
            proof = [(str(side), str(sibling)) for side, sibling in line["proof"]]
            if root_of(bytes.fromhex(digest), proof) != audit.get("root"):
                outside.append(str(number))
        except (KeyError, TypeError, ValueError):
            changed.append("unreadable")
            continue
        numbers.append(number)
    in_order = numbers == sorted(set(numbers))
    yield Check(
        "the audit lines", not changed and in_order, _listed(changed, f"{len(lines)} lines")
    )
    yield Check(
        "their proof", not outside and not changed, _listed(outside, f"root {audit.get('root')}")
    )


def _listed(wrong: list[str], right: str) -> str:
    return f"wrong: {', '.join(wrong[:20])}" if wrong else right
