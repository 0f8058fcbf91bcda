"""The transport against the oldest and the newest Kafka that are supported; the stack runs the one between."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from forewarn.errors import ForewarnError
from forewarn.local import KafkaBroker
from forewarn.local.kafka_jars import KAFKA_VERSION, kafka_jars
from tests.servers import missing_server
from tests.streams.transport import test_real_kafka as transport

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]
LOCKS = sorted((Path(__file__).parent / "kafka_locks").glob("*.toml"))
make_group = transport.make_group


@pytest.fixture(scope="module", params=LOCKS, ids=[path.stem for path in LOCKS])
def kafka(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[KafkaBroker]:
    """A broker of each version."""
    lock: Path = request.param
    try:
        broker = KafkaBroker(tmp_path_factory.mktemp("kafka"), jars=kafka_jars(lock, lock.stem))
        broker.start()
    except ForewarnError as error:
        missing_server(f"Kafka {lock.stem} could not be started: {error}")
    yield broker
    broker.stop()


def test_the_stack_runs_a_version_between_the_oldest_and_the_newest() -> None:
    oldest, newest = (tuple(map(int, lock.stem.split("."))) for lock in (LOCKS[0], LOCKS[-1]))
    assert oldest < tuple(map(int, KAFKA_VERSION.split("."))) <= newest


async def test_codecs_and_transactions_are_read_whole(make_group) -> None:
    await transport.test_codecs_and_transactions_are_read_whole_and_committed_to_the_end(make_group)


async def test_members_join_leave_and_die_and_no_record_is_lost(make_group) -> None:
    await transport.test_members_join_leave_and_die_and_no_record_is_lost(make_group)
