"""Signing in with an OpenID Connect provider: authorization code flow with PKCE.

State, nonce and code verifier travel in a signed cookie of ten minutes, so that any replica can
finish what another began. Roles and scope come from claims; a person to whom the provider gives no
known role is refused, and one without tenants or districts sees nothing.
"""

import hmac
import json
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core.grants.util import create_half_hash
from itsdangerous import BadSignature, URLSafeSerializer
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from alerting.access.access_errors import NotAuthenticatedError
from alerting.access.grants import Grants
from alerting.access.roles import ROLES, SERVICE_ROLES
from forewarn.errors import DependencyUnavailableError

FLOW_SECONDS = 600
KEYS_SECONDS = 3600
ALGORITHMS = ["RS256", "PS256", "ES256"]  # never "none", never a shared secret
CLOCK_SKEW_SECONDS = 60
_HINT = "Start signing in again."

OIDC_CALLBACK = "/console/oidc/callback"
"""Path at which the provider hands the browser back."""


@dataclass(frozen=True, slots=True)
class OidcOptions:
    """What the provider is and how its claims are read."""

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
    """Who the provider says it is."""

    subject: str
    name: str
    grants: Grants


class OidcClient:
    """One provider.

    Args:
        options: where it is and how to read its claims.
        client: makes the HTTP client for one exchange.
    """

    def __init__(
        self,
        options: OidcOptions,
        client: Callable[[], httpx.Client] = lambda: httpx.Client(timeout=5.0),
    ) -> None:
        self._options = options
        self._client = client
        self._lock = threading.Lock()
        self._metadata: dict[str, Any] = {}
        self._keys: KeySet | None = None
        self._keys_at_ms = 0
        # The secret is known to the replicas and the provider only: it signs the flow cookie.
        self._signer = URLSafeSerializer(options.client_secret, salt="forewarn-oidc-flow")

    def begin(self, next_path: str, now_ms: int) -> tuple[str, str]:
        """Start a sign-in: the provider's address to go to, and the flow cookie's value.

        Raises:
            DependencyUnavailableError: if the provider does not answer.
        """
        with self._client() as client:
            metadata = self._discover(client)
        flow = {
            "state": secrets.token_urlsafe(24),
            "nonce": secrets.token_urlsafe(24),
            "verifier": secrets.token_urlsafe(48),
            "next": next_path,
            "until_ms": now_ms + FLOW_SECONDS * 1000,
        }
        query = httpx.QueryParams(
            response_type="code",
            client_id=self._options.client_id,
            redirect_uri=self._options.redirect_uri,
            scope=self._options.scopes,
            state=flow["state"],
            nonce=flow["nonce"],
            code_challenge=create_s256_code_challenge(flow["verifier"]),
            code_challenge_method="S256",
        )
        cookie = self._signer.dumps(flow)
        assert isinstance(cookie, str)  # noqa: S101  (the library's type is str | bytes)
        return f"{metadata['authorization_endpoint']}?{query}", cookie

    def complete(
        self, cookie: str | None, *, state: str, code: str, now_ms: int
    ) -> tuple[Identity, str]:
        """Finish a sign-in: who it is, and the page to go on to.

        Raises:
            NotAuthenticatedError: if anything about the answer does not fit.
            DependencyUnavailableError: if the provider does not answer.
        """
        flow = self._flow(cookie, state, now_ms)
        with self._client() as client:
            tokens = self._exchange(client, code, flow["verifier"])
            claims = self._claims(client, tokens, flow["nonce"], now_ms)
        return self._identity(claims), str(flow["next"])

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

    def _discover(self, client: httpx.Client) -> dict[str, Any]:
        if not self._metadata:
            address = f"{self._options.issuer.rstrip('/')}/.well-known/openid-configuration"
            metadata = _json(client, "GET", address)
            if metadata.get("issuer") != self._options.issuer:
                raise NotAuthenticatedError(
                    "The provider names another issuer than is configured.",
                    hint="Set FOREWARN_ACCESS_OIDC_ISSUER to the issuer exactly as it names itself.",
                )
            self._metadata = metadata
        return self._metadata

    def _exchange(self, client: httpx.Client, code: str, verifier: str) -> dict[str, Any]:
        return _json(
            client,
            "POST",
            self._discover(client)["token_endpoint"],
            auth=(self._options.client_id, self._options.client_secret),
            data={
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": self._options.redirect_uri,
                "code_verifier": verifier,
            },
        )

    def _claims(
        self, client: httpx.Client, tokens: dict[str, Any], nonce: str, now_ms: int
    ) -> dict[str, Any]:
        registry = jwt.JWTClaimsRegistry(
            now=now_ms // 1000,
            leeway=CLOCK_SKEW_SECONDS,
            iss={"essential": True, "value": self._options.issuer},
            aud={"essential": True, "value": self._options.client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            token = self._decode(client, str(tokens.get("id_token", "")), now_ms)
            registry.validate(token.claims)
        except (JoseError, ValueError) as error:
            raise NotAuthenticatedError(
                f"The provider's identity token is not valid ({type(error).__name__}).", hint=_HINT
            ) from None
        bound = token.claims.get("at_hash")
        expected = create_half_hash(str(tokens.get("access_token", "")), token.header["alg"])
        if bound is not None and bound.encode() != expected:
            raise NotAuthenticatedError("The provider's tokens do not belong together.", hint=_HINT)
        return dict(token.claims)

    def _decode(self, client: httpx.Client, id_token: str, now_ms: int) -> jwt.Token:
        try:
            return jwt.decode(id_token, self._key_set(client, now_ms), algorithms=ALGORITHMS)
        except (JoseError, ValueError):
            # The provider may have changed its keys: look once more, at most once a minute.
            if now_ms - self._keys_at_ms < 60_000:
                raise
            with self._lock:
                self._keys = None
            return jwt.decode(id_token, self._key_set(client, now_ms), algorithms=ALGORITHMS)

    def _key_set(self, client: httpx.Client, now_ms: int) -> KeySet:
        with self._lock:
            if self._keys is None or now_ms - self._keys_at_ms > KEYS_SECONDS * 1000:
                document: Any = _json(client, "GET", self._discover(client)["jwks_uri"])
                self._keys, self._keys_at_ms = KeySet.import_key_set(document), now_ms
            return self._keys

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        options = self._options
        named = [options.role_names.get(role, role) for role in _texts(claims, options.roles_claim)]
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
                _texts(claims, options.tenants_claim),
                _texts(claims, options.districts_claim),
            ),
        )


def _texts(claims: Mapping[str, Any], name: str) -> list[str]:
    """A claim as a list of texts, whether the provider sends a list or words in one text."""
    value = claims.get(name, [])
    if isinstance(value, str):
        return value.split()
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _json(client: httpx.Client, method: str, address: str, **options: Any) -> dict[str, Any]:
    try:
        response = client.request(method, address, **options)
        response.raise_for_status()
        document = response.json()
    except httpx.HTTPStatusError as error:
        if error.response.is_server_error:
            raise DependencyUnavailableError(
                "The identity provider is not available.", hint="Try again shortly."
            ) from None
        raise NotAuthenticatedError("The identity provider refused.", hint=_HINT) from None
    except (httpx.HTTPError, json.JSONDecodeError):
        raise DependencyUnavailableError(
            "The identity provider is not available.", hint="Try again shortly."
        ) from None
    if not isinstance(document, dict):
        raise NotAuthenticatedError("The identity provider sent no document.", hint=_HINT)
    return document
