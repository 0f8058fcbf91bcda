"""The audit log is checked by itself, on one replica, and a broken chain is counted."""

import threading

import pytest
from structlog.testing import capture_logs

from alerting.cases import history
from alerting.jobs.audit_chain_check import EVERY_SECONDS, AuditChainCheck
from alerting.service_metrics import AUDIT_CHECKED, AUDIT_FAILURES
from alerting.web.service_container import Services
from tests.alerting.cases.history.test_audit_log import EMPTY_HEAD, tamper, write
from tests.alerting.factory import Clock


def test_a_broken_chain_is_found_at_the_next_check_by_one_replica(
    services: Services, clock: Clock
) -> None:
    one, other = (AuditChainCheck(services.db, clock, owner=name) for name in ("a", "b"))
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


@pytest.mark.parametrize("written_since", [[], ["x"], ["x", "y", "z"]], ids=str)
def test_a_log_that_was_emptied_is_broken_though_what_is_left_is_whole(
    services: Services, clock: Clock, written_since: list[str]
) -> None:
    watch, stop = AuditChainCheck(services.db, clock, owner="a"), threading.Event()
    write(services.db, "a", "b")
    watch.turn(stop)
    failures = AUDIT_FAILURES._value.get()
    tamper(services.db, "DELETE FROM audit_log")
    tamper(services.db, EMPTY_HEAD)
    write(services.db, *written_since)
    for _ in range(2):  # it does not get used to it
        clock.advance(seconds=int(EVERY_SECONDS) + 1)
        watch.turn(stop)
    assert AUDIT_FAILURES._value.get() == failures + 2


def test_every_check_logs_the_head_so_that_it_is_kept_elsewhere(
    services: Services, clock: Clock
) -> None:
    write(services.db, "a", "b")
    with capture_logs() as logs:
        AuditChainCheck(services.db, clock, owner="a").turn(threading.Event())
    head = history.verify(services.db).head
    assert [(line["event"], line["head"]) for line in logs] == [("audit_chain_checked", head)]
