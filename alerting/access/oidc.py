"""Signing in with an OpenID Connect provider: authorization code flow with PKCE.

State, nonce and code verifier travel in a signed cookie of ten minutes, so that any replica can
finish what another began. Roles and scope come from claims; a person to whom the provider gives no
known role is refused, and one without tenants or districts sees nothing.
"""

import hmac
import secrets
import threading
import warnings
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus

import httpx
import structlog
from authlib.deprecate import AuthlibDeprecationWarning
from authlib.integrations.base_client import OAuthError
from authlib.oidc.core import CodeIDToken
from itsdangerous import BadSignature, URLSafeSerializer
from joserfc.errors import JoseError

from alerting.access.access_errors import NotAuthenticatedError
from alerting.access.grants import Grants
from alerting.access.oidc_claims import claim_texts
from alerting.access.oidc_keys import SigningKeys
from alerting.access.roles import ROLES, SERVICE_ROLES
from forewarn.errors import DependencyUnavailableError

with warnings.catch_warnings():
    # It runs on httpx, and would tell every user of the command line that it prefers httpx2.
    warnings.simplefilter("ignore", AuthlibDeprecationWarning)
    from authlib.integrations.httpx_client import OAuth2Client

FLOW_SECONDS = 600
CLOCK_SKEW_SECONDS = 60
TIMEOUT_SECONDS = 5.0
AUTH_METHODS = ("client_secret_basic", "client_secret_post")
_HINT = "Start signing in again."

OIDC_CALLBACK = "/console/oidc/callback"
"""Path at which the provider hands the browser back."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class OidcOptions:
    """What the provider is and how its claims are read; dotted claim names lead into objects."""

    issuer: str
    client_id: str
    client_secret: str
    redirect_uri: str
    scopes: str = "openid profile"
    roles_claim: str = "roles"
    tenants_claim: str = "tenants"
    districts_claim: str = "districts"
    role_names: Mapping[str, str] = field(default_factory=dict)  # the provider's name to ours


@dataclass(frozen=True, slots=True)
class Identity:
    """The person as the provider describes them."""

    subject: str
    name: str
    grants: Grants


class OidcClient:
    """One provider.

    Args:
        options: where it is and how to read its claims.
        timeout_seconds: of one step of a request to it.
    """

    def __init__(self, options: OidcOptions, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._options = options
        self._timeout_seconds = timeout_seconds
        self._lock = threading.Lock()
        self._metadata: dict[str, object] = {}
        self._keys = SigningKeys(lambda: self._get(str(self._discover()["jwks_uri"])))
        # The secret is known to the replicas and the provider only: it signs the flow cookie.
        self._signer = URLSafeSerializer(options.client_secret, salt="forewarn-oidc-flow")

    def begin(self, next_path: str, now_ms: int) -> tuple[str, str]:
        """Start a sign-in: the provider's address to go to, and the flow cookie's value.

        Raises:
            DependencyUnavailableError: if the provider does not answer.
            NotAuthenticatedError: if what it says about itself does not fit.
        """
        metadata = self._discover()
        flow = {
            "state": secrets.token_urlsafe(24),
            "nonce": secrets.token_urlsafe(24),
            "verifier": secrets.token_urlsafe(48),
            "next": next_path,
            "until_ms": now_ms + FLOW_SECONDS * 1000,
        }
        with self._client() as client:
            address, _ = client.create_authorization_url(
                metadata["authorization_endpoint"],
                state=flow["state"],
                nonce=flow["nonce"],
                code_verifier=flow["verifier"],
            )
        return str(address), str(self._signer.dumps(flow))

    def complete(
        self, cookie: str | None, *, state: str, code: str, now_ms: int
    ) -> tuple[Identity, str]:
        """Finish a sign-in: the person's identity, and the page to go on to.

        Raises:
            NotAuthenticatedError: if anything about the answer does not fit.
            DependencyUnavailableError: if the provider does not answer.
        """
        flow = self._flow(cookie, state, now_ms)
        try:
            tokens = self._exchange(code, flow["verifier"])
            identity = self._identity(self._claims(tokens, flow["nonce"], now_ms))
        except NotAuthenticatedError as error:
            # The person sees only that it failed; who runs the service needs the reason.
            _log.warning("oidc_refused", reason=error.message)
            raise
        return identity, str(flow["next"])

    def _flow(self, cookie: str | None, state: str, now_ms: int) -> dict[str, Any]:
        try:
            flow: dict[str, Any] = self._signer.loads(cookie or "")
        except BadSignature:
            raise NotAuthenticatedError("This sign-in was not begun here.", hint=_HINT) from None
        if now_ms >= flow["until_ms"]:
            raise NotAuthenticatedError("This sign-in took too long.", hint=_HINT)
        if not hmac.compare_digest(flow["state"].encode(), state.encode()):
            raise NotAuthenticatedError("This sign-in belongs to another window.", hint=_HINT)
        return flow

    def _client(self, method: str = "none") -> OAuth2Client:
        client = OAuth2Client(
            client_id=self._options.client_id,
            client_secret=self._options.client_secret,
            scope=self._options.scopes,
            redirect_uri=self._options.redirect_uri,
            code_challenge_method="S256",
            token_endpoint_auth_method=method,
            timeout=self._timeout_seconds,
        )
        client.register_client_auth_method(("client_secret_basic", _encode_basic))
        return client

    def _discover(self) -> dict[str, Any]:
        with self._lock:
            if self._metadata:
                return self._metadata
        address = f"{self._options.issuer.rstrip('/')}/.well-known/openid-configuration"
        metadata = self._get(address)
        if metadata.get("issuer") != self._options.issuer:
            raise NotAuthenticatedError(
                "The provider names another issuer than is configured.",
                hint="Set FOREWARN_ACCESS_OIDC_ISSUER to the issuer exactly as it names itself.",
            )
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if not isinstance(metadata.get(name), str):
                raise NotAuthenticatedError(f"The identity provider names no {name}.")
        with self._lock:
            self._metadata = metadata
        return metadata

    def _exchange(self, code: str, verifier: str) -> dict[str, Any]:
        metadata = self._discover()
        offered = metadata.get("token_endpoint_auth_methods_supported") or AUTH_METHODS[:1]
        method = next((name for name in AUTH_METHODS if name in offered), None)
        if method is None:
            raise NotAuthenticatedError(
                f"The identity provider takes client secrets only by {', '.join(offered)}.",
                hint=f"Let it take {' or '.join(AUTH_METHODS)}.",
            )
        try:
            with self._client(method) as client:
                return dict(
                    client.fetch_token(
                        metadata["token_endpoint"],
                        grant_type="authorization_code",
                        code=code,
                        redirect_uri=self._options.redirect_uri,
                        code_verifier=verifier,
                    )
                )
        except OAuthError as error:
            raise _refused(error) from None
        except httpx.HTTPError as error:
            raise _unavailable(error) from None
        except ValueError:
            raise _unavailable(None) from None

    def _claims(self, tokens: dict[str, Any], nonce: str, now_ms: int) -> dict[str, Any]:
        try:
            token = self._keys.decode(str(tokens.get("id_token", "")), now_ms)
            claims = CodeIDToken(
                token.claims,
                token.header,
                {
                    "iss": {"essential": True, "value": self._options.issuer},
                    "aud": {"essential": True, "value": self._options.client_id},
                    "sub": {"essential": True},
                },
                {
                    "nonce": nonce,
                    "client_id": self._options.client_id,
                    "access_token": tokens.get("access_token"),
                },
            )
            claims.validate(now=now_ms // 1000, leeway=CLOCK_SKEW_SECONDS)
        except (JoseError, ValueError) as error:
            raise NotAuthenticatedError(
                f"The provider's identity token is not valid: {_reason(error)}.", hint=_HINT
            ) from None
        return dict(claims)

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        options = self._options
        named = claim_texts(claims, options.roles_claim, options.role_names)
        roles = [role for role in named if role in ROLES and role not in SERVICE_ROLES]
        if not roles:
            raise NotAuthenticatedError(
                "Your account has no role in this service.",
                hint="Ask your administrator for one of responder, supervisor, analyst, auditor.",
            )
        subject = str(claims["sub"])
        return Identity(
            subject=f"oidc:{subject}",
            name=str(claims.get("name") or claims.get("preferred_username") or subject),
            grants=Grants.of(
                roles,
                claim_texts(claims, options.tenants_claim),
                claim_texts(claims, options.districts_claim),
            ),
        )

    def _get(self, address: str) -> dict[str, object]:
        try:
            response = httpx.get(address, timeout=self._timeout_seconds)
            response.raise_for_status()
            document = response.json()
        except (httpx.HTTPError, ValueError) as error:
            raise _unavailable(error) from None
        if not isinstance(document, dict):
            raise NotAuthenticatedError("The identity provider sent no document.", hint=_HINT)
        return document


def _encode_basic(
    client: OAuth2Client, _method: str, uri: str, headers: Any, body: Any
) -> tuple[str, Any, Any]:
    """HTTP Basic with both parts form-encoded (RFC 6749, section 2.3.1), which Authlib leaves out."""
    pair = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret)}"
    headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
    return uri, headers, body


def _refused(error: OAuthError) -> NotAuthenticatedError:
    if error.error in ("invalid_client", "unauthorized_client"):
        return NotAuthenticatedError(
            "The identity provider does not know this client id and secret.",
            hint="Check FOREWARN_ACCESS_OIDC_CLIENT_ID and FOREWARN_ACCESS_OIDC_CLIENT_SECRET.",
        )
    return NotAuthenticatedError(f"The identity provider refused: {error.error}.", hint=_HINT)


def _unavailable(error: Exception | None) -> DependencyUnavailableError:
    how = "did not answer in time" if isinstance(error, httpx.TimeoutException) else (
        "is not available"
    )  # fmt: skip
    return DependencyUnavailableError(f"The identity provider {how}.", hint="Try again shortly.")


def _reason(error: Exception) -> str:
    """What is wrong with a token, without its content."""
    claim = getattr(error, "claim", None)
    name = str(getattr(error, "error", "") or type(error).__name__)
    if name == "expired_token" or claim in ("iat", "nbf", "exp"):
        return f"{name} {claim or ''}".strip() + ", or the clocks differ by over a minute"
    return f"{name} {claim or ''}".strip()
