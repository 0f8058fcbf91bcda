"""Access: who may see and do what.

How the rest of the service uses it:

* ``principal: Principal = Depends(require("case.work"))`` in a route authenticates the session
  cookie or API key, checks CSRF for changes made with a cookie, the rate limit and the permission;
* the service layer takes ``principal.scope`` in every query and ``principal.subject`` for the audit
  log; ``SYSTEM`` stands for the service's own work;
* refusals are ``AccessError`` with ``status``, ``title`` and ``headers`` for the problem document.

The application's composition root puts an ``AccessControl`` at ``app.state.access``.
"""

from alerting.access.errors import (
    AccessError,
    CsrfError,
    NotAuthenticatedError,
    PermissionDeniedError,
    RateLimitedError,
    SignInFailedError,
)
from alerting.access.principal import SYSTEM, Principal
from alerting.access.roles import GRANTS, PERMISSIONS, ROLES, Permission, Role
from alerting.access.scope import EVERYTHING, Scope

__all__ = [
    "EVERYTHING",
    "GRANTS",
    "PERMISSIONS",
    "ROLES",
    "SYSTEM",
    "AccessError",
    "CsrfError",
    "NotAuthenticatedError",
    "Permission",
    "PermissionDeniedError",
    "Principal",
    "RateLimitedError",
    "Role",
    "Scope",
    "SignInFailedError",
]
