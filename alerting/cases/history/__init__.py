"""The audit log: every change in order, chained by hashes, only ever added to."""

from alerting.cases.history.audit_log import append, verify
from alerting.cases.history.hash_chain import (
    GENESIS,
    AuditEntry,
    Verification,
    digest_of,
    verify_chain,
)

__all__ = [
    "GENESIS",
    "AuditEntry",
    "Verification",
    "append",
    "digest_of",
    "verify",
    "verify_chain",
]
