"""Masking of phone numbers and accounts, and the rule for showing one in clear.

Masked is the default everywhere: pages, exports and messages to colleagues. A number in clear is
an act of its own (``unmask``) that names the case, is decided by ``may_unmask`` and is written to
the audit log before the number leaves.
"""

from dataclasses import dataclass
from typing import Literal

from alerting.access.principal import Principal

SHORT_CODE_DIGITS = 6  # 96110, 10086 and the like belong to services, not to people
HIDDEN = "****"

UnmaskReason = Literal[
    "holds_the_case", "supervises", "not_permitted", "case_closed", "not_the_holder", "out_of_scope",
    "exports_evidence",
]  # fmt: skip


def mask_phone(number: str | None) -> str:
    """Keep the country code, three digits and the last four: ``+86 138****5678``."""
    if not number:
        return ""
    digits = number.lstrip("+")
    if len(digits) <= SHORT_CODE_DIGITS:
        return number
    if number.startswith("+86") and len(digits) == 13:  # a Chinese mobile number
        return f"+86 {digits[2:5]}{HIDDEN}{digits[-4:]}"
    shown = 4 if len(digits) >= 10 else 2
    return f"{number[: len(number) - len(digits)]}{digits[:3]}{HIDDEN}{digits[-shown:]}"


def mask_account(account: str | None) -> str:
    """Keep the last four characters, and the first four where enough stays hidden between."""
    if not account:
        return ""
    if len(account) >= 12:
        return f"{account[:4]} {HIDDEN} {account[-4:]}"
    return f"{HIDDEN}{account[-2:]}" if len(account) > 4 else HIDDEN


def mask_name(name: str | None) -> str:
    """Keep the first character: ``李**``."""
    return f"{name.strip()[:1]}**" if name and name.strip() else ""


@dataclass(frozen=True, slots=True)
class UnmaskDecision:
    """Whether a number may be shown in clear, with the reason that the audit log keeps."""

    allowed: bool
    reason: UnmaskReason


def may_unmask(
    principal: Principal, *, tenant: str, district: str, holder: str | None, is_open: bool
) -> UnmaskDecision:
    """Decide whether this person may see the personal data of this case now.

    Role and case both have to allow it: the person who works on a case needs the number to help, for as
    long as the case is open; a supervisor may step in for the holder; it is not needed afterwards
    (reopening the case is the way, and is logged).
    """
    if not principal.may("personal.unmask"):
        return UnmaskDecision(allowed=False, reason="not_permitted")
    if not principal.scope.admits(tenant, district):
        return UnmaskDecision(allowed=False, reason="out_of_scope")
    if not is_open:
        return UnmaskDecision(allowed=False, reason="case_closed")
    if holder == principal.subject:
        return UnmaskDecision(allowed=True, reason="holds_the_case")
    if principal.may("case.assign"):
        return UnmaskDecision(allowed=True, reason="supervises")
    return UnmaskDecision(allowed=False, reason="not_the_holder")
