"""Sessions live as long as they should, on every database, and never by a planted token."""

from dataclasses import replace

import pytest

from alerting.access.grants import Grants
from alerting.access.sessions import Session, SessionLimits, SessionStore, token_hash
from alerting.db import Database
from alerting.db.access_tables import sessions
from tests.alerting.factory import NOW_MS

LIMITS = SessionLimits(idle_seconds=600, life_seconds=3600, rotate_seconds=300, overlap_seconds=30)


@pytest.fixture
def store(db: Database) -> SessionStore:
    return SessionStore(db, LIMITS)


def opened(store: SessionStore, now_ms: int = NOW_MS) -> Session:
    grants = Grants.of(["responder"], ["*"], ["4304*"])
    return store.open(subject="oidc:1", name="Li", grants=grants, credential="oidc", now_ms=now_ms)


def at(seconds: float) -> int:
    return NOW_MS + int(seconds * 1000)


def test_a_session_is_found_by_its_token_with_everything_it_was_opened_with(
    store: SessionStore,
) -> None:
    session = opened(store)
    assert session.token is not None
    assert store.find(session.token, at(1)) == replace(session, token=None)


def test_the_token_itself_is_nowhere_in_the_database(store: SessionStore, db: Database) -> None:
    session = opened(store)
    assert session.token is not None
    with db.read() as transaction:
        row = transaction.execute(sessions.select()).one()
    assert session.token not in map(str, row)
    assert row.token_hash == token_hash(session.token)


def test_a_token_that_was_never_issued_opens_nothing(store: SessionStore) -> None:
    opened(store)
    assert store.find("planted-by-another-site", at(1)) is None


def test_an_idle_session_ends_and_one_in_use_does_not(store: SessionStore) -> None:
    idle, used = opened(store), opened(store)
    assert idle.token is not None
    token = used.token
    for minute in range(1, 12):
        assert token is not None
        found = store.find(token, at(60 * minute))
        assert found is not None
        token = found.token or token
    assert store.find(idle.token, at(660)) is None


def test_even_a_session_in_use_ends_with_its_life(store: SessionStore) -> None:
    token = opened(store).token
    for minute in range(1, 60):
        assert token is not None
        found = store.find(token, at(60 * minute))
        assert found is not None
        token = found.token or token
    assert token is not None
    assert store.find(token, at(3601)) is None


def test_a_due_token_is_replaced_and_the_old_one_soon_expires(
    store: SessionStore,
) -> None:
    first = opened(store)
    assert first.token is not None
    second = store.find(first.token, at(301))
    assert second is not None
    assert second.token not in (None, first.token)
    assert second.csrf_token == first.csrf_token  # forms that are open stay valid
    assert store.find(first.token, at(310)) is not None  # a request that was under way
    assert store.find(first.token, at(335)) is None
    assert second.token is not None
    assert store.find(second.token, at(335)) is not None


def test_the_old_token_does_not_begin_a_second_line_of_tokens(store: SessionStore) -> None:
    first = opened(store)
    assert first.token is not None
    store.find(first.token, at(301))
    again = store.find(first.token, at(310))
    assert again is not None
    assert again.token is None


def test_signing_out_ends_every_token_of_the_sign_in_but_no_other_sign_in(
    store: SessionStore,
) -> None:
    here, elsewhere = opened(store), opened(store)
    assert here.token is not None
    assert elsewhere.token is not None
    rotated = store.find(here.token, at(301))
    assert rotated is not None
    assert rotated.token is not None
    store.close(here.family)
    assert store.find(here.token, at(302)) is None
    assert store.find(rotated.token, at(302)) is None
    assert store.find(elsewhere.token, at(302)) is not None


def test_sessions_that_are_over_are_purged(store: SessionStore, db: Database) -> None:
    opened(store)
    opened(store, at(7200))
    with db.read() as transaction:
        assert len(transaction.execute(sessions.select()).all()) == 1
