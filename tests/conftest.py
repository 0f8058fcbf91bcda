"""Fixtures that every part shares: real servers, once a session, and a pseudonymiser."""

import signal
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings

from forewarn.errors import ForewarnError
from forewarn.local import KafkaBroker, RedisServer
from forewarn.platform.pseudonyms import Pseudonymiser
from tests.servers import SERVER_FIXTURES, SLOW, missing_server, skipped_summary

# No test asserts speed, so a busy machine fails none.
settings.register_profile(
    "forewarn", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("forewarn")


def pytest_configure() -> None:
    """Let Ctrl-C reach the processes of tests although the run is a background job of a shell.

    Such a shell ignores the signal, and what is ignored stays so in every child.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests that use a server or take long, so that ``make check`` can leave them out."""
    for item in items:
        if SERVER_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.system)
        if item.path.as_posix().endswith(SLOW):
            item.add_marker(pytest.mark.slow)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    """Say after everything else what was skipped, and what to install for it."""
    yield
    reasons = [str(report.longrepr[2]) for report in terminalreporter.getreports("skipped")]
    if reasons:
        terminalreporter.section("skipped tests and what to install for them")
        for line in skipped_summary(reasons):
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """One real broker for the session; tests share it, so use ``topic_prefix`` for names.

    A test that stops or breaks its broker starts one of its own.
    """
    broker = KafkaBroker(tmp_path_factory.mktemp("kafka"))
    try:
        broker.start()
    except ForewarnError as error:
        missing_server(f"Kafka could not be started: {error}")
    yield broker
    broker.stop()


@pytest.fixture
def topic_prefix() -> str:
    """A prefix that no other test has used; topics are deleted with the session's broker."""
    return f"t{uuid4().hex[:8]}-"


@pytest.fixture(scope="session")
def redis_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One real Redis for the session, without persistence."""
    try:
        server = RedisServer(tmp_path_factory.mktemp("redis"))
        server.start()
    except ForewarnError as error:
        missing_server(f"Redis could not be started: {error}")
    yield server
    server.stop()


@pytest.fixture
def redis_server(redis_session: RedisServer) -> RedisServer:
    """The session's Redis, emptied. A test that stops its server starts one of its own."""
    with redis_session.client() as client:
        client.flushall()
    return redis_session


@pytest.fixture(scope="session")
def pseudonymiser() -> Pseudonymiser:
    """With a fixed key, so that pseudonyms in tests can be compared."""
    return Pseudonymiser(b"a key that only tests use")


@pytest.fixture(scope="session")
def require() -> Callable[[bool, str], None]:
    """``require(condition, reason)``: skip (fail in CI) unless the condition holds."""

    def check(condition: bool, reason: str) -> None:
        if not condition:
            missing_server(reason)

    return check
