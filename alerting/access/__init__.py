"""Access: who may see and do what.

How the rest of the service uses it:

* ``principal: Principal = Depends(require("case.work"))`` in a route authenticates the session
  cookie or API key, checks CSRF for changes made with a cookie, the rate limit and the permission;
* the service layer takes ``principal.scope`` in every query and ``principal.subject`` for the audit
  log; ``SYSTEM`` stands for the service's own work;
* refusals are ``AccessError`` with ``status``, ``title``, ``code`` and ``headers`` for the problem
  document.

The application factory puts ``build_access(...)`` at ``app.state.access``, wraps itself in
``SecurityHeaders`` and includes ``alerting.web.console.router``. Tables are in ``access.tables``.
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
from alerting.bootstrap.access_components import build_access
from alerting.web.auth.route_access import access_of, caller, require
from alerting.web.auth.security_headers import SecurityHeaders

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
    "SecurityHeaders",
    "SignInFailedError",
    "UnmaskDecision",
    "access_of",
    "build_access",
    "caller",
    "mask_account",
    "mask_phone",
    "may_unmask",
    "require",
]
