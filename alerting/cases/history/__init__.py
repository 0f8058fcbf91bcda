"""Histories of cases, and the audit log of every change, chained by hashes."""

from alerting.cases.history.audit_log import append, audit_writer, verify
from alerting.cases.history.case_history import CaseHistory
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
    "CaseHistory",
    "Verification",
    "append",
    "audit_writer",
    "digest_of",
    "verify",
    "verify_chain",
]
