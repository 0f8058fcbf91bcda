"""What Redis says of itself to ``forewarn doctor --remote``; nothing is written."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from redis.exceptions import RedisClusterException, RedisError

from features.store.redis_connections import connect
from features.store.redis_retries import explain
from forewarn.cli.server_findings import ASKED, latency_finding, skew_finding
from forewarn.local.diagnosis import MachineFinding
from forewarn.platform.clock import system_clock
from forewarn.platform.settings import RedisSettings, load

SECTIONS = ("server", "memory", "replication", "cluster")


@dataclass(frozen=True, slots=True)
class RedisAnswers:
    """Latencies in seconds, the fields of INFO, and the server's clock with ours before and after it, UTC ms."""

    seconds: list[float]
    fields: dict[str, str]
    theirs_ms: float
    before_ms: int
    after_ms: int


def redis_findings() -> Iterator[MachineFinding]:
    """Whether Redis answers, is the kind of server that the settings name, keeps what it is given, and knows the time."""
    settings = load(RedisSettings)
    try:
        answers = asyncio.run(_ask(settings))
    except (RedisError, RedisClusterException, OSError) as error:
        yield _away(settings, error)
        return
    version = answers.fields.get("redis_version", "of an unknown version")
    yield latency_finding("Redis", answers.seconds, f", {version}")
    yield from _unfit(settings, answers.fields)
    yield skew_finding("Redis", answers.theirs_ms, answers.before_ms, answers.after_ms)


def _away(settings: RedisSettings, error: BaseException) -> MachineFinding:
    place = settings.url.rpartition("@")[2]  # without a password
    if "Cluster mode is not enabled" in f"{error} {error.__cause__}":
        remedy = "Set FOREWARN_REDIS_CLUSTER=false, or FOREWARN_REDIS_URL to a node of the cluster"
        return MachineFinding("missing", "Redis", f"{place} is no cluster", remedy)
    said = explain("answer", error)
    return MachineFinding("missing", "Redis", f"{place}: {said.message}", said.hint)


def _unfit(settings: RedisSettings, fields: dict[str, str]) -> Iterator[MachineFinding]:
    if fields.get("cluster_enabled") == "1" and not settings.cluster:
        remedy = "Set FOREWARN_REDIS_CLUSTER=true"
        yield MachineFinding("missing", "Redis", "it is a node of a cluster", remedy)
    if fields.get("role") == "slave" and not settings.cluster:
        remedy = "Point FOREWARN_REDIS_URL at the primary: workers write to it"
        yield MachineFinding("missing", "Redis", "it is a replica, which takes no writes", remedy)
    policy = fields.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        remedy = "Set maxmemory-policy noeviction: an evicted record is a person without a past"
        yield MachineFinding("missing", "Redis", f"evicts by {policy}", remedy)


async def _ask(settings: RedisSettings) -> RedisAnswers:
    link = connect(
        settings.url,
        cluster=settings.cluster,
        timeout_seconds=max(settings.timeout_seconds, 2.0),
        username=settings.username,
        password=settings.password.get_secret_value(),
        ssl_ca_file=settings.ssl_ca_file,
        ssl_cert_file=settings.ssl_cert_file,
        ssl_key_file=settings.ssl_key_file,
    )
    try:
        seconds = []
        for _ in range(ASKED):
            began = time.perf_counter()
            await link.send([("PING",)])
            seconds.append(time.perf_counter() - began)
        before_ms = system_clock()
        [clock] = await link.send([("TIME",)])
        after_ms = system_clock()
        sections = await link.send([("INFO", section) for section in SECTIONS])
    finally:
        await link.close()
    fields = {name: value for section in sections for name, value in _as_fields(section).items()}
    return RedisAnswers(seconds, fields, _milliseconds(clock), before_ms, after_ms)


def _milliseconds(clock: Any) -> float:
    """What TIME says: the client parses it, or leaves it as seconds and microseconds."""
    seconds, microseconds = clock
    return float(int(seconds) * 1000 + int(microseconds) / 1000)


def _as_fields(answer: Any) -> dict[str, str]:
    """What INFO says: the client parses it, or leaves it as text."""
    if isinstance(answer, dict):
        return {str(name): str(value) for name, value in answer.items()}
    lines = answer.decode() if isinstance(answer, bytes) else str(answer)
    return dict(line.split(":", 1) for line in lines.splitlines() if ":" in line)
