"""The hash chain, without a database.

A line's digest is SHA-256 over its fields and the digest before it, so a changed, removed, inserted
or reordered line breaks every digest after it. An attacker who can rewrite the whole table can
rewrite the whole chain: keep the head that ``forewarn alerting audit verify`` prints on another
machine, and give it to the next run with ``--expect``.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from alerting.cases.history.audit_actions import AuditAction

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One action. ``detail`` holds ids, amounts and codes, never numbers or names."""

    at_ms: int
    actor: str
    action: AuditAction
    subject: str
    detail: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChainedLine:
    """A stored line as the check reads it."""

    record_no: int
    at_ms: int
    actor: str
    action: str
    subject: str
    detail: str
    previous: str
    digest: str


@dataclass(frozen=True, slots=True)
class Verification:
    """The result of a check: how many lines hold, the head, and the first fault if any."""

    lines: int
    head: str
    fault: str | None


def canonical(detail: Mapping[str, object]) -> str:
    """JSON in canonical form: sorted keys, no spaces."""
    return json.dumps(detail, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def digest_of(
    record_no: int, at_ms: int, actor: str, action: str, subject: str, detail: str, previous: str
) -> str:
    """The digest of a line; a JSON array keeps its fields apart."""
    fields = [record_no, at_ms, actor, action, subject, detail, previous]
    return hashlib.sha256(json.dumps(fields, separators=(",", ":")).encode()).hexdigest()


def verify_chain(lines: Iterable[ChainedLine]) -> Verification:
    """Check lines in order from the first; stops at the first fault."""
    count, previous = 0, GENESIS
    for line in lines:
        expected_no = count + 1
        if line.record_no != expected_no:
            return Verification(count, previous, f"record {expected_no} is missing")
        if line.previous != previous:
            return Verification(count, previous, f"record {line.record_no} does not follow")
        digest = digest_of(
            line.record_no,
            line.at_ms,
            line.actor,
            line.action,
            line.subject,
            line.detail,
            line.previous,
        )
        if line.digest != digest:
            return Verification(count, previous, f"record {line.record_no} was changed")
        count, previous = count + 1, digest
    return Verification(count, previous, None)
