"""OpenID Connect against a provider over HTTP: who gets in, and every forgery that does not."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from joserfc.jwk import RSAKey

from alerting.access import NotAuthenticatedError
from alerting.access.oidc import Identity, OidcClient, OidcOptions
from forewarn.errors import DependencyUnavailableError
from tests.alerting.access.provider import CLIENT_ID, CLIENT_SECRET, Provider
from tests.alerting.factory import NOW_MS

KEY = RSAKey.generate_key(2048, {"kid": "one"})
OTHER_KEY = RSAKey.generate_key(2048, {"kid": "two"})


@pytest.fixture
def provider() -> Iterator[Provider]:
    started = Provider(claims={}, key=KEY).start()
    started.claims |= {
        "iss": started.issuer,
        "aud": CLIENT_ID,
        "sub": "0f3c",
        "name": "李娜",
        "iat": NOW_MS // 1000,
        "exp": NOW_MS // 1000 + 300,
        "roles": ["fraud-desk", "unrelated"],
        "tenants": ["hengyang"],
        "districts": "4304* 430101",
    }
    yield started
    started.stop()


@pytest.fixture
def client(provider: Provider) -> OidcClient:
    return OidcClient(
        OidcOptions(
            issuer=provider.issuer,
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
            redirect_uri="https://forewarn.example/console/oidc/callback",
            role_names={"fraud-desk": "responder"},
        )
    )


def sign_in(client: OidcClient, provider: Provider, **changes: Any) -> tuple[Identity, str]:
    address, cookie = client.begin("/console/cases/c-1", NOW_MS)
    query = dict(parse_qsl(urlsplit(address).query))
    code = provider.authorize(query)
    answer = {"state": query["state"], "code": code, "now_ms": NOW_MS} | changes
    return client.complete(answer.pop("cookie", cookie), **answer)


def test_roles_and_scope_come_from_the_claims(client: OidcClient, provider: Provider) -> None:
    identity, back = sign_in(client, provider)
    assert identity.subject == "oidc:0f3c"
    assert identity.name == "李娜"
    assert identity.grants.roles == {"responder"}
    assert identity.grants.scope.admits("hengyang", "430405")
    assert not identity.grants.scope.admits("changsha", "430405")
    assert back == "/console/cases/c-1"


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "of another sign-in"},
        {"aud": "another client"},
        {"iss": "https://evil.example"},
        {"exp": NOW_MS // 1000 - 120},
        {"iat": NOW_MS // 1000 + 3600},
        {"roles": ["unrelated"]},
        {"roles": ["service"]},
        {"roles": ["ingest", "loss_report", "patrol_terminal"]},
        {"roles": {"responder": True}},
        {"sub": None},
        {"at_hash": "of another token"},
    ],
    ids=str,
)
def test_claims_that_do_not_fit_are_refused(
    client: OidcClient, provider: Provider, claims: dict[str, Any]
) -> None:
    provider.claims |= claims
    with pytest.raises(NotAuthenticatedError):
        sign_in(client, provider)


def test_a_token_signed_by_somebody_else_is_refused(client: OidcClient, provider: Provider) -> None:
    provider.published, provider.key = KEY, RSAKey.generate_key(2048, {"kid": "one"})
    with pytest.raises(NotAuthenticatedError):
        sign_in(client, provider)


def test_changed_keys_are_found_without_a_restart(client: OidcClient, provider: Provider) -> None:
    sign_in(client, provider)
    provider.key = OTHER_KEY
    provider.claims.pop("nonce")
    provider.claims["exp"] += 600
    assert sign_in(client, provider, now_ms=NOW_MS + 120_000)[0].subject == "oidc:0f3c"
    assert provider.asked_for_keys == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "of another window"},
        {"cookie": None},
        {"cookie": "forged.signature"},
        {"now_ms": NOW_MS + 601_000},
        {"code": "stolen"},
    ],
    ids=str,
)
def test_an_answer_to_no_question_of_this_browser_is_refused(
    client: OidcClient, provider: Provider, changes: dict[str, Any]
) -> None:
    with pytest.raises(NotAuthenticatedError):
        sign_in(client, provider, **changes)


def test_a_code_taken_to_another_browser_fails_for_want_of_the_verifier(
    client: OidcClient, provider: Provider
) -> None:
    address, _ = client.begin("/console/", NOW_MS)
    stolen = provider.authorize(dict(parse_qsl(urlsplit(address).query)))
    with pytest.raises(NotAuthenticatedError):
        sign_in(client, provider, code=stolen)


def test_a_provider_that_names_another_issuer_is_not_trusted(
    client: OidcClient, provider: Provider
) -> None:
    provider.discovered = {"issuer": "https://evil.example"}
    with pytest.raises(NotAuthenticatedError):
        client.begin("/console/", NOW_MS)


def test_a_provider_that_is_down_is_not_the_persons_fault(
    client: OidcClient, provider: Provider
) -> None:
    provider.stop()
    with pytest.raises(DependencyUnavailableError):
        client.begin("/console/", NOW_MS)
    provider.start()
