"""The audit log: every change in order, chained by hashes, only ever added to."""

from alerting.audit.chain import GENESIS, AuditEntry, Verification, digest_of, verify_chain
from alerting.audit.log import append, verify

__all__ = [
    "GENESIS",
    "AuditEntry",
    "Verification",
    "append",
    "digest_of",
    "verify",
    "verify_chain",
]
