"""The local servers are real, keep their data, and never outlive the process that started them."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import redis
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import NewTopic

from forewarn.errors import DependencyUnavailableError
from forewarn.local import Child, KafkaBroker, RedisServer
from forewarn.local.kafka_broker import _escaped
from forewarn.local.stack import Service, Stack
from forewarn.local.wait import wait_until
from forewarn.platform.settings import LocalSettings

pytestmark = pytest.mark.system


def test_a_record_survives_a_crash_of_the_broker(tmp_path: Path) -> None:
    with KafkaBroker(tmp_path / "kafka") as broker:
        admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)
        admin.create_topics([NewTopic("kept", 1, 1)])
        admin.close()
        producer = KafkaProducer(bootstrap_servers=broker.bootstrap_servers, acks="all")
        producer.send("kept", b"before the crash").get(timeout=20)
        producer.close()

        broker.kill()
        broker.start()

        consumer = KafkaConsumer(
            "kept",
            bootstrap_servers=broker.bootstrap_servers,
            auto_offset_reset="earliest",
            group_id=None,
            consumer_timeout_ms=20_000,
        )
        assert next(iter(consumer)).value == b"before the crash"
        consumer.close()


def test_redis_keeps_its_data_when_persistent_and_loses_it_when_not(tmp_path: Path) -> None:
    for persistent in (True, False):
        with RedisServer(tmp_path / f"redis{persistent}", persistent=persistent) as server:
            server.client().set("key", "value")
            server.restart()
            assert (server.client().get("key") == b"value") is persistent


def test_servers_run_in_a_directory_of_any_name(tmp_path: Path) -> None:
    place = tmp_path / "反 诈's, \\ no. 1"
    with RedisServer(place / "redis", persistent=True) as server:
        server.client().set("key", "value")
        assert redis.Redis.from_url(server.unix_url).get("key") == b"value"
        server.restart()
        assert server.client().get("key") == b"value"
    assert (place / "redis" / "appendonly.aof").stat().st_size > 0
    with KafkaBroker(place / "kafka"):
        assert (place / "kafka" / "data" / "meta.properties").is_file()
        logs = (place / "kafka").rglob("*.log")
        assert not [log for log in logs if log.stat().st_mode & 0o077 and log.name == "kafka.log"]


def test_a_directory_too_deep_for_a_socket_gets_an_address_that_answers(tmp_path: Path) -> None:
    with RedisServer(tmp_path / ("deep" * 30) / "redis") as server:
        assert redis.Redis.from_url(server.unix_url).ping()


def test_a_property_is_what_java_reads_back() -> None:
    assert _escaped("/a b/ü反\\😀") == "/a b/\\u00fc\\u53cd\\\\\\ud83d\\ude00"


def test_a_service_whose_port_was_taken_meanwhile_gets_another(tmp_path: Path) -> None:
    program = (
        "import http.server, os, pathlib, sys\n"
        "first = pathlib.Path(sys.argv[1])\n"
        "if not first.exists():\n"
        "    first.touch(); sys.exit('[Errno 98] Address already in use')\n"
        "port = int(os.environ['FOREWARN_WORKER_HEALTH_PORT'])\n"
        "http.server.HTTPServer(('127.0.0.1', port), http.server.SimpleHTTPRequestHandler)"
        ".serve_forever()"
    )
    stack = Stack(LocalSettings(directory=tmp_path), tell=print)
    child = Child(
        "service",
        [sys.executable, "-c", program, tmp_path / "first"],
        log_file=tmp_path / "log",
        directory=tmp_path,
    )
    service = Service(child, "")
    try:
        stack._launch(service)
        stack._await_ready(service)
        assert child.is_running()
    finally:
        child.kill()
        stack.stop()


def test_the_reason_of_a_failed_wait_is_the_one_at_its_end() -> None:
    reasons = iter(["of the end"])
    with pytest.raises(DependencyUnavailableError, match="of the end in vain"):
        wait_until(lambda: False, 0.0, what=lambda: next(reasons))


def test_a_child_dies_with_a_killed_parent(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from forewarn.local.child_process import Child\n"
        "child = Child('sleeper', ['sleep', '300'], log_file=Path(sys.argv[1]) / 'log')\n"
        "child.start(); print(child.pid, flush=True); time.sleep(300)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    child_pid = int(parent.stdout.readline())
    assert psutil.pid_exists(child_pid)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_until(lambda: not _alive(child_pid), 10, what="the child to die")


def test_stop_kills_a_child_that_ignores_the_request_and_its_grandchildren(tmp_path: Path) -> None:
    script = "trap '' TERM; sleep 301 & echo $! > grandchild; while true; do sleep 302; done"
    child = Child("stubborn", ["bash", "-c", script], log_file=tmp_path / "log", directory=tmp_path)
    child.start()
    wait_until((tmp_path / "grandchild").exists, 10, what="the grandchild")
    grandchild = int((tmp_path / "grandchild").read_text() or "0")
    assert child.stop(timeout_seconds=0.2) == -signal.SIGKILL
    wait_until(lambda: not _alive(grandchild), 10, what="the grandchild to die")


def test_a_server_that_cannot_start_says_why_with_the_end_of_its_log(tmp_path: Path) -> None:
    server = RedisServer(tmp_path / "redis", config={"no-such-directive": "1"})
    with pytest.raises(DependencyUnavailableError, match="no-such-directive"):
        server.start()
    assert not server.process.is_running()


def test_waiting_is_bounded() -> None:
    began = time.monotonic()
    with pytest.raises(DependencyUnavailableError, match="for the moon in vain"):
        wait_until(lambda: False, 0.2, what="the moon")
    assert time.monotonic() - began < 30


def _alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != "zombie"
    except psutil.NoSuchProcess:
        return False
