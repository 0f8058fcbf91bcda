"""The audit log is checked by itself, on one replica, and a broken chain is counted."""

import threading

from alerting.metrics import AUDIT_CHECKED, AUDIT_FAILURES
from alerting.services import Services
from alerting.upkeep.chain_watch import EVERY_SECONDS, ChainWatch
from tests.alerting.audit.test_log import tamper, write
from tests.alerting.factory import Clock


def test_a_broken_chain_is_found_at_the_next_check_by_one_replica(
    services: Services, clock: Clock
) -> None:
    one, other = (ChainWatch(services.db, clock, owner=name) for name in ("a", "b"))
    stop = threading.Event()
    write(services.db, "a", "b")
    failures = AUDIT_FAILURES._value.get()
    one.turn(stop)
    assert AUDIT_CHECKED._value.get() == clock() / 1000
    assert AUDIT_FAILURES._value.get() == failures

    tamper(services.db, "DELETE FROM audit_log WHERE record_no = 2")
    one.turn(stop)
    assert AUDIT_FAILURES._value.get() == failures, "not due yet"
    clock.advance(seconds=int(EVERY_SECONDS) + 1)
    one.turn(stop)
    other.turn(stop)
    assert AUDIT_FAILURES._value.get() == failures + 1
