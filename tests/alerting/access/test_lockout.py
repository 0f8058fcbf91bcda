"""Guessing passwords is slow over all replicas, and keeping a colleague out is not easy."""

from hypothesis import given
from hypothesis import strategies as st

from alerting.access.lockout import Lockout, LockoutPolicy, pause_seconds
from alerting.db import Database
from alerting.db.access_tables import failures
from tests.alerting.factory import NOW_MS

POLICY = LockoutPolicy(failures_from_one_address=3, failures_from_anywhere=6)


@given(st.integers(min_value=1, max_value=10_000))
def test_a_pause_grows_with_failures_and_is_bounded(count: int) -> None:
    pause = pause_seconds(count, 5, LockoutPolicy())
    assert 0 <= pause <= LockoutPolicy().longest_pause_seconds
    assert pause <= pause_seconds(count + 1, 5, LockoutPolicy())


def test_a_name_pauses_from_the_address_that_failed_and_from_no_other(db: Database) -> None:
    lockout = Lockout(db, POLICY)
    for _ in range(3):
        assert not lockout.locked("li.na", "10.0.0.1", NOW_MS)
        lockout.failed("li.na", "10.0.0.1", NOW_MS)
    assert lockout.locked("li.na", "10.0.0.1", NOW_MS)
    assert not lockout.locked("li.na", "10.0.0.2", NOW_MS)
    assert not lockout.locked("wang", "10.0.0.1", NOW_MS)


def test_another_replica_knows_of_the_failures(db: Database) -> None:
    for _ in range(3):
        Lockout(db, POLICY).failed("li.na", "10.0.0.1", NOW_MS)
    assert Lockout(db, POLICY).locked("li.na", "10.0.0.1", NOW_MS)


def test_many_addresses_together_pause_the_name_everywhere(db: Database) -> None:
    lockout = Lockout(db, POLICY)
    for number in range(6):
        lockout.failed("li.na", f"10.0.0.{number}", NOW_MS)
    assert lockout.locked("li.na", "192.168.0.1", NOW_MS)


def test_the_pause_ends_and_success_forgets_the_failures(db: Database) -> None:
    lockout = Lockout(db, POLICY)
    for _ in range(3):
        lockout.failed("li.na", "10.0.0.1", NOW_MS)
    later_ms = NOW_MS + 31_000
    assert not lockout.locked("li.na", "10.0.0.1", later_ms)
    lockout.succeeded("li.na", "10.0.0.1")
    lockout.failed("li.na", "10.0.0.1", later_ms)
    assert not lockout.locked("li.na", "10.0.0.1", later_ms)


def test_neither_names_nor_addresses_are_stored_and_old_rows_go(db: Database) -> None:
    lockout = Lockout(db, POLICY)
    lockout.failed("li.na", "10.0.0.1", NOW_MS)
    lockout.failed("wang", "10.0.0.9", NOW_MS + 25 * 3_600_000)
    with db.read() as session:
        rows = session.execute(failures.select()).all()
    assert len(rows) == 2  # those of wang; a day had passed since li.na failed
    assert not any("wang" in str(row) or "10.0.0" in str(row) for row in rows)
