"""Builds access control from its settings; called by composition roots only."""

from collections.abc import Callable

from argon2 import PasswordHasher

from alerting.access.access_control import AccessControl, Limits
from alerting.access.api_keys import KeyStore
from alerting.access.lockout import Lockout, LockoutPolicy
from alerting.access.oidc import OIDC_CALLBACK, OidcClient, OidcOptions
from alerting.access.rate_limits import Rate, RateLimiter
from alerting.access.sessions import SessionLimits, SessionStore
from alerting.access.users import UserFile
from alerting.cases.history import audit_writer
from alerting.db.database import Database
from forewarn.errors import ConfigurationError
from forewarn.platform.settings.access_settings import AccessSettings
from forewarn.platform.settings.alerting_options import ClaimTable, SessionTable

_SIGN_IN = Rate(burst=20, per_second=0.2)  # of one address, which may be a whole office
_REFUSED = Rate(burst=100, per_second=1)
_BURST_SECONDS = 10  # a page with its parts, or a batch of warnings, comes at once


def build_access(
    *,
    settings: AccessSettings,
    sessions: SessionTable | None = None,
    claims: ClaimTable | None = None,
    database: Database,
    public_url: str,
    service_key: str,
    clock: Callable[[], int],
    hasher: PasswordHasher | None = None,
) -> AccessControl:
    """Put access control together.

    Args:
        settings: who may sign in.
        sessions: their life, and limits on requests; None for the defaults.
        claims: how the provider's claims are read; None for the defaults.
        database: where sessions, keys and the audit log are.
        public_url: how browsers reach the service; with https, cookies are for TLS only.
        service_key: one API key from the settings, or empty.
        clock: UTC milliseconds.
        hasher: argon2 with other parameters than the recommended ones.

    Raises:
        ConfigurationError: if the provider is only half configured.
    """
    sessions, claims = sessions or SessionTable(), claims or ClaimTable()
    people, services = sessions.person_requests_per_second, sessions.service_requests_per_second
    return AccessControl(
        users=UserFile(settings.users_file, hasher=hasher),
        sessions=SessionStore(
            database,
            SessionLimits(
                idle_seconds=sessions.idle_seconds,
                life_seconds=sessions.life_seconds,
                rotate_seconds=sessions.rotate_seconds,
            ),
        ),
        keys=KeyStore(database, bootstrap=service_key),
        lockout=Lockout(
            database, LockoutPolicy(failures_from_one_address=sessions.lockout_failures)
        ),
        limits=Limits(
            sign_in=RateLimiter(_SIGN_IN),
            refused=RateLimiter(_REFUSED),
            people=RateLimiter(Rate(people * _BURST_SECONDS, people)),
            services=RateLimiter(Rate(services * _BURST_SECONDS, services)),
        ),
        audit=audit_writer(database),
        oidc=_oidc(settings, claims, public_url),
        public_url=public_url.rstrip("/"),
        break_glass=settings.break_glass,
        clock=clock,
    )


def _oidc(settings: AccessSettings, claims: ClaimTable, public_url: str) -> OidcClient | None:
    if not settings.oidc_issuer:
        return None
    secret = settings.oidc_client_secret.get_secret_value()
    if not settings.oidc_client_id or not secret:
        raise ConfigurationError(
            "an OpenID Connect issuer is set without a client id and secret.",
            hint="Set FOREWARN_ACCESS_OIDC_CLIENT_ID and FOREWARN_ACCESS_OIDC_CLIENT_SECRET.",
        )
    return OidcClient(
        OidcOptions(
            issuer=settings.oidc_issuer,
            client_id=settings.oidc_client_id,
            client_secret=secret,
            redirect_uri=f"{public_url.rstrip('/')}{OIDC_CALLBACK}",
            scopes=claims.scopes,
            roles_claim=claims.roles,
            tenants_claim=claims.tenants,
            districts_claim=claims.districts,
            role_names=claims.role_names,
        )
    )
