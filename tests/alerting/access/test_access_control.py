"""Signing in, being recognised, and being refused."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select

from alerting.access import (
    EVERYTHING,
    AccessControl,
    Caller,
    Grants,
    NotAuthenticatedError,
    Principal,
    RateLimitedError,
    Scope,
    SignInFailedError,
)
from alerting.access.api_keys import KeyStore
from alerting.access.users import UserFile
from alerting.db import Database
from alerting.db.journal_tables import AuditRecord
from forewarn.errors import ConfigurationError
from tests.alerting.access.conftest import CHEAP, PASSWORD
from tests.alerting.factory import Clock


def identify(access: AccessControl, token: str | None = None, bearer: str | None = None) -> str:
    return access.identify(token=token, bearer=bearer, address="10.0.0.1").principal.subject


def actions(db: Database) -> list[tuple[str, str, str]]:
    with db.read() as session:
        rows = session.scalars(select(AuditRecord).order_by(AuditRecord.record_no)).all()
    return [(row.actor, row.action, row.subject) for row in rows]


def test_the_right_password_opens_a_session_with_role_and_scope(access: AccessControl) -> None:
    session = access.sign_in("Li.Na ", PASSWORD, "10.0.0.1")
    found = access.identify(token=session.token, bearer=None, address="10.0.0.1")
    assert found.principal.subject == "local:li.na"
    assert found.principal.may("case.work")
    assert not found.principal.may("audit.read")
    assert found.principal.scope.admits("default", "430405")
    assert not found.principal.scope.admits("default", "110101")


def test_wrong_name_and_wrong_password_are_refused_in_the_same_words(
    access: AccessControl,
) -> None:
    with pytest.raises(SignInFailedError) as wrong_password:
        access.sign_in("li.na", "not the password", "10.0.0.1")
    with pytest.raises(SignInFailedError) as wrong_name:
        access.sign_in("missing", "not the password", "10.0.0.1")
    assert str(wrong_password.value) == str(wrong_name.value)


def test_guessing_pauses_the_name_even_for_the_right_password(
    make_access: Callable[..., AccessControl], clock: Clock
) -> None:
    access = make_access(lockout_failures=3)
    for _ in range(3):
        with pytest.raises(SignInFailedError):
            access.sign_in("li.na", "guess", "10.0.0.1")
    with pytest.raises(SignInFailedError):
        access.sign_in("li.na", PASSWORD, "10.0.0.1")
    clock.advance(seconds=60)
    assert access.sign_in("li.na", PASSWORD, "10.0.0.1").token


def test_an_address_that_tries_many_names_is_slowed_down(access: AccessControl) -> None:
    def attempt(number: int) -> None:
        with pytest.raises(SignInFailedError):
            access.sign_in(f"guess{number}", "guess", "10.0.0.66")

    for number in range(20):
        attempt(number)
    with pytest.raises(RateLimitedError) as slowed:
        access.sign_in("li.na", PASSWORD, "10.0.0.66")
    assert int(slowed.value.headers["Retry-After"]) >= 1


def test_the_addresses_of_one_ipv6_network_are_one(access: AccessControl) -> None:
    for number in range(20):
        with pytest.raises(SignInFailedError):
            access.sign_in(f"guess{number}", "guess", f"2001:db8::{number + 1:x}")
    with pytest.raises(RateLimitedError):
        access.sign_in("li.na", PASSWORD, "2001:db8::ffff")
    assert access.sign_in("li.na", PASSWORD, "2001:db8:0:1::1").token


class SlowHasher(PasswordHasher):
    """Checks passwords only once it is released."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.go = threading.Event()
        self.started = threading.Semaphore(0)

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002
        self.started.release()
        assert self.go.wait(30)
        return super().verify(hash, password)


def test_a_flood_of_passwords_is_turned_away_rather_than_kept_waiting(tmp_path: Path) -> None:
    hasher = SlowHasher()
    file = UserFile(tmp_path / "users.json", hasher=hasher, concurrent_checks=1, waiting_checks=0)
    file.save("li", PASSWORD, roles=["responder"])
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(file.check, "li", PASSWORD)
        assert hasher.started.acquire(timeout=30)
        with pytest.raises(RateLimitedError):
            file.check("li", PASSWORD)
        hasher.go.set()
        assert first.result(30) is not None
    assert file.check("li", PASSWORD) is not None


def test_sign_ins_are_audited_without_secrets_or_mistyped_names(
    access: AccessControl, db: Database
) -> None:
    with pytest.raises(SignInFailedError):
        access.sign_in("my-secret-in-the-wrong-field", "x", "10.0.0.1")
    session = access.sign_in("li.na", PASSWORD, "10.0.0.1")
    access.sign_out(session)
    assert actions(db) == [
        ("anonymous", "access.sign_in_refused", "unknown"),
        ("local:li.na", "access.signed_in", "local:li.na"),
        ("local:li.na", "access.signed_out", "local:li.na"),
    ]
    with pytest.raises(NotAuthenticatedError):
        identify(access, session.token)


def test_a_changed_password_or_a_removed_person_ends_sessions_that_are_open(
    access: AccessControl, users: UserFile
) -> None:
    token = access.sign_in("li.na", PASSWORD, "10.0.0.1").token
    users.save("li.na", "another password, longer", roles=["responder"])
    with pytest.raises(NotAuthenticatedError):
        identify(access, token)
    token = access.sign_in("li.na", "another password, longer", "10.0.0.1").token
    users.remove("li.na")
    with pytest.raises(NotAuthenticatedError):
        identify(access, token)


def test_a_narrowed_role_holds_at_once_for_sessions_that_are_open(
    access: AccessControl, tmp_path: Path
) -> None:
    session = access.sign_in("li.na", PASSWORD, "10.0.0.1")
    path = tmp_path / "users.json"
    document = json.loads(path.read_text())
    document["users"][0]["roles"] = ["auditor"]
    path.write_text(json.dumps(document))
    found = access.identify(token=session.token, bearer=None, address="10.0.0.1")
    assert found.principal.roles == {"auditor"}


def test_a_key_works_until_it_expires_or_is_revoked_and_only_as_a_whole(
    access: AccessControl, clock: Clock
) -> None:
    grants = Grants.of(["service"], ["default"], ["*"])
    info, key = access.keys.create(
        name="bank", grants=grants, created_by="local:admin", days=1, now_ms=clock()
    )
    assert identify(access, bearer=key) == f"key:{info.key_id}"
    for wrong in (key[:-1], key + "0", f"fwk_{info.key_id}_", "fwk_", "x" * 5000):
        with pytest.raises(NotAuthenticatedError):
            identify(access, bearer=wrong)
    hengyang = Scope.of(["hengyang"], ["*"])
    assert not access.keys.revoke(info.key_id, within=hengyang, by="local:admin", now_ms=clock())
    assert identify(access, bearer=key) == f"key:{info.key_id}"
    assert access.keys.revoke(info.key_id, within=EVERYTHING, by="local:admin", now_ms=clock())
    with pytest.raises(NotAuthenticatedError):
        identify(access, bearer=key)
    _, second = access.keys.create(
        name="bank", grants=grants, created_by="local:admin", days=1, now_ms=clock()
    )
    clock.advance(seconds=86_401)
    with pytest.raises(NotAuthenticatedError):
        identify(access, bearer=second)


def test_a_key_revoked_on_another_replica_stands_for_a_second_at_most(
    access: AccessControl, clock: Clock, db: Database
) -> None:
    grants = Grants.of(["service"], ["default"], ["*"])
    info, key = access.keys.create(
        name="bank", grants=grants, created_by="local:admin", days=1, now_ms=clock()
    )
    assert access.identify_at_once(key) is None, "it was not checked yet"
    identify(access, bearer=key)
    known = access.identify_at_once(key)
    assert known is not None
    assert known.principal.subject == f"key:{info.key_id}"
    other = KeyStore(db)
    assert other.revoke(info.key_id, within=EVERYTHING, by="local:admin", now_ms=clock())
    clock.advance(seconds=1)
    assert access.identify_at_once(key) is None
    with pytest.raises(NotAuthenticatedError):
        identify(access, bearer=key)


def test_guessing_keys_is_slowed_down(access: AccessControl) -> None:
    refusals = []
    for number in range(200):
        with pytest.raises((NotAuthenticatedError, RateLimitedError)) as refused:
            identify(access, bearer=f"fwk_abc_{number}")
        refusals.append(refused.type)
    assert refusals[:50] == [NotAuthenticatedError] * 50
    assert refusals[-50:] == [RateLimitedError] * 50


def test_the_password_file_is_private_and_holds_no_password(
    users: UserFile, tmp_path: Path
) -> None:
    path = tmp_path / "users.json"
    assert path.stat().st_mode & 0o077 == 0
    assert PASSWORD not in path.read_text()
    assert "$argon2id$" in path.read_text()


@pytest.mark.parametrize(
    ("name", "password", "roles"),
    [
        ("Li Na", PASSWORD, ["responder"]),
        ("li", "short", ["responder"]),
        ("li", PASSWORD, ["god"]),
        ("../etc", PASSWORD, ["responder"]),
    ],
)
def test_a_person_is_added_with_a_proper_name_password_and_role_only(
    tmp_path: Path, name: str, password: str, roles: list[str]
) -> None:
    with pytest.raises(ConfigurationError):
        UserFile(tmp_path / "new.json", hasher=CHEAP).save(name, password, roles=roles)
    assert not (tmp_path / "new.json").exists()


def signed_in(access: AccessControl) -> Caller:
    token = access.sign_in("li.na", PASSWORD, "10.0.0.1").token
    return access.identify(token=token, bearer=None, address="10.0.0.1")


ADMIN = Principal("local:admin", "Admin", frozenset({"administrator"}), EVERYTHING, "session")


def test_an_administrator_ends_a_session_of_their_scope(
    access: AccessControl, db: Database
) -> None:
    found = signed_in(access)
    family = found.session.family
    assert [one.subject for one in access.open_sessions(EVERYTHING)] == ["local:li.na"]
    elsewhere = replace(ADMIN, scope=Scope.of(["*"], ["1101*"]))
    assert access.open_sessions(elsewhere.scope) == []
    assert not access.end_session(elsewhere, family)
    assert access.still(found) == found.principal
    assert access.end_session(ADMIN, family)
    assert access.still(found) is None
    with pytest.raises(NotAuthenticatedError):
        identify(access, found.session.token)
    assert actions(db)[-1] == ("local:admin", "access.session_ended", "local:li.na")


def test_a_stream_goes_on_with_the_rights_that_its_person_has_now(
    access: AccessControl, users: UserFile, tmp_path: Path, clock: Clock
) -> None:
    found = signed_in(access)
    path = tmp_path / "users.json"
    path.write_text(path.read_text().replace('"responder"', '"auditor"'))
    assert access.still(found).roles == {"auditor"}
    clock.advance(seconds=43_200)
    assert access.still(found) is None


PROVIDER = {
    "oidc_issuer": "https://provider.example", "oidc_client_id": "forewarn",
    "oidc_client_secret": "a secret",
}  # fmt: skip


def test_with_a_provider_passwords_are_closed_and_so_are_their_sessions(
    make_access: Callable[..., AccessControl], db: Database
) -> None:
    token = make_access().sign_in("li.na", PASSWORD, "10.0.0.1").token
    access = make_access(**PROVIDER)
    with pytest.raises(NotAuthenticatedError):
        identify(access, token)
    with pytest.raises(SignInFailedError):
        access.sign_in("li.na", PASSWORD, "10.0.0.1")
    assert actions(db)[-1] == ("anonymous", "access.sign_in_refused", "local:li.na")


def test_emergency_access_opens_password_sign_in_and_is_audited(
    make_access: Callable[..., AccessControl], db: Database
) -> None:
    access = make_access(**PROVIDER, break_glass=True)
    assert access.sign_in("li.na", PASSWORD, "10.0.0.1").token
    assert actions(db)[-1] == ("local:li.na", "access.broke_glass", "local:li.na")
