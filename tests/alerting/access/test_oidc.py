"""OpenID Connect against a provider over HTTP: who gets in, and every forgery that does not."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from joserfc.jwk import RSAKey

from alerting.access import NotAuthenticatedError
from alerting.access.oidc import OIDC_CALLBACK, Identity, OidcClient, OidcOptions
from alerting.access.roles import ROLES, SERVICE_ROLES
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


def test_a_token_signed_by_an_unknown_key_is_refused(
    client: OidcClient, provider: Provider
) -> None:
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
def test_a_callback_that_this_browser_did_not_request_is_refused(
    client: OidcClient, provider: Provider, changes: dict[str, Any]
) -> None:
    with pytest.raises(NotAuthenticatedError):
        sign_in(client, provider, **changes)


def test_a_code_used_in_another_browser_fails_without_the_verifier(
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


def test_a_secret_with_any_letters_reaches_the_provider_by_post_too(
    client: OidcClient, provider: Provider
) -> None:
    provider.discovered = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    assert sign_in(client, provider)[0].subject == "oidc:0f3c"


@pytest.mark.parametrize(
    ("discovered", "words"),
    [
        ({"token_endpoint_auth_methods_supported": ["private_key_jwt"]}, "private_key_jwt"),
        ({"jwks_uri": None}, "jwks_uri"),
    ],
)
def test_a_provider_that_cannot_be_used_is_one_clear_line(
    client: OidcClient, provider: Provider, discovered: dict[str, Any], words: str
) -> None:
    provider.discovered = discovered
    with pytest.raises(NotAuthenticatedError, match=words):
        sign_in(client, provider)


def test_a_wrong_secret_names_the_settings(client: OidcClient, provider: Provider) -> None:
    provider.client_secret = "another"
    with pytest.raises(NotAuthenticatedError, match="FOREWARN_ACCESS_OIDC_CLIENT_SECRET"):
        sign_in(client, provider)


def test_keys_of_unknown_types_stand_beside_good_ones(
    client: OidcClient, provider: Provider
) -> None:
    provider.more_keys = [
        {"kty": "AKP", "kid": "post-quantum", "alg": "ML-DSA-44", "pub": "AAAA"},
        {"kty": "EC", "kid": "curve", "crv": "P-1024", "x": "AAAA", "y": "AAAA"},
        {"kty": "oct", "kid": "shared", "k": "c2VjcmV0"},
        {"kid": "nothing else"},
        OTHER_KEY.as_dict(private=False) | {"use": "enc"},
    ]
    assert sign_in(client, provider)[0].subject == "oidc:0f3c"


@pytest.mark.parametrize("key_set", [{"key": []}, {"keys": []}, {"keys": "none"}], ids=str)
def test_a_key_set_without_keys_is_one_clear_line(
    client: OidcClient, provider: Provider, key_set: dict[str, Any]
) -> None:
    provider.key_set = key_set
    with pytest.raises(NotAuthenticatedError, match="publishes no key"):
        sign_in(client, provider)


def test_a_token_without_a_key_id_is_checked_with_the_only_key(
    client: OidcClient, provider: Provider
) -> None:
    provider.header = {"alg": "RS256"}
    assert sign_in(client, provider)[0].subject == "oidc:0f3c"
    provider.more_keys = [OTHER_KEY.as_dict(private=False)]
    with pytest.raises(NotAuthenticatedError):
        sign_in(client, provider, now_ms=NOW_MS + 3_600_001)


@pytest.mark.parametrize(
    ("roles_claim", "claims"),
    [
        ("realm_access.roles", {"realm_access": {"roles": ["fraud-desk"]}}),
        ("resource_access.fore.warn.roles", {"resource_access": {"fore.warn": {"roles": ["fraud-desk"]}}}),
        ("https://example.org/roles", {"https://example.org/roles": ["fraud-desk"]}),
        ("groups", {"groups": "Fraud Desk"}),
        ("groups", {"groups": ["Fraud Desk", 7, None]}),
        ("groups", {"groups": "unrelated fraud-desk"}),
    ],
)  # fmt: skip
def test_roles_are_found_where_the_provider_puts_them(
    provider: Provider, roles_claim: str, claims: dict[str, Any]
) -> None:
    del provider.claims["roles"]
    provider.claims |= claims
    client = OidcClient(
        OidcOptions(
            issuer=provider.issuer,
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
            redirect_uri="https://forewarn.example/console/oidc/callback",
            roles_claim=roles_claim,
            role_names={"fraud-desk": "responder", "Fraud Desk": "responder"},
        )
    )
    assert sign_in(client, provider)[0].grants.roles == {"responder"}


@pytest.mark.parametrize("seconds", [-50, 50])
def test_clocks_may_differ_by_a_minute(
    client: OidcClient, provider: Provider, seconds: int
) -> None:
    provider.claims["iat"] += seconds
    provider.claims["exp"] = NOW_MS // 1000 - 1 if seconds < 0 else provider.claims["exp"]
    assert sign_in(client, provider)[0].subject == "oidc:0f3c"


def test_a_clock_that_is_far_off_is_named(client: OidcClient, provider: Provider) -> None:
    provider.claims["iat"] += 300
    with pytest.raises(NotAuthenticatedError, match="clocks differ"):
        sign_in(client, provider)


def test_a_provider_that_is_slow_is_not_the_persons_fault(provider: Provider) -> None:
    provider.delay_seconds = 0.5
    options = OidcOptions(
        issuer=provider.issuer,
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        redirect_uri="https://forewarn.example/console/oidc/callback",
    )
    with pytest.raises(DependencyUnavailableError, match="did not answer in time"):
        OidcClient(options, timeout_seconds=0.1).begin("/console/", NOW_MS)


def test_a_provider_that_was_down_at_the_start_is_used_once_it_answers(
    client: OidcClient, provider: Provider
) -> None:
    provider.discovered = {"issuer": "https://not.yet"}
    with pytest.raises(NotAuthenticatedError):
        client.begin("/console/", NOW_MS)
    provider.discovered = {}
    assert sign_in(client, provider)[0].subject == "oidc:0f3c"


def test_the_guide_names_the_redirect_and_every_role_that_a_provider_can_give() -> None:
    guide = (Path(__file__).parents[3] / "docs/identity-providers.md").read_text()
    assert f"`{OIDC_CALLBACK}`" in guide
    [line] = [line for line in guide.splitlines() if line.startswith("| roles |")]
    assert set(re.findall(r"`([a-z]+)`", line)) == set(ROLES) - set(SERVICE_ROLES)
