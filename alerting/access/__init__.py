"""Access: who may see and do what.

The service layer takes ``principal.scope`` in every query and ``principal.subject`` for the audit
log; ``SYSTEM`` stands for the service's own work. Refusals are ``AccessError`` with ``status``,
``title`` and ``headers`` for the problem document. Routes get their principal from
``alerting.web.auth.route_access``; tables are in ``alerting.db.access_tables``.
"""

from alerting.access.access_control import AccessControl, Audit, Caller
from alerting.access.access_errors import (
    AccessError,
    CsrfError,
    NotAuthenticatedError,
    PermissionDeniedError,
    RateLimitedError,
    SignInFailedError,
)
from alerting.access.grants import Grants
from alerting.access.masking import UnmaskDecision, mask_account, mask_phone, may_unmask
from alerting.access.principal import SYSTEM, Principal
from alerting.access.roles import GRANTS, PERMISSIONS, ROLES, Permission, Role
from alerting.access.scope import EVERYTHING, Scope

__all__ = [
    "EVERYTHING",
    "GRANTS",
    "PERMISSIONS",
    "ROLES",
    "SYSTEM",
    "AccessControl",
    "AccessError",
    "Audit",
    "Caller",
    "CsrfError",
    "Grants",
    "NotAuthenticatedError",
    "Permission",
    "PermissionDeniedError",
    "Principal",
    "RateLimitedError",
    "Role",
    "Scope",
    "SignInFailedError",
    "UnmaskDecision",
    "mask_account",
    "mask_phone",
    "may_unmask",
]
