"""Build the state store that the settings describe; only composition roots call it."""

from collections.abc import Callable

from features.catalog import CATALOG, Catalog
from features.entity_keys import BUCKETS
from features.store.redis_connections import connect
from features.store.redis_retries import RetryPolicy
from features.store.redis_store import RedisStateStore
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.platform.settings import RedisSettings

TAGS = tuple(b"%02x" % bucket for bucket in range(BUCKETS))
"""All hash tags of the keys that ``features.entity_keys.keys`` builds."""


def redis_state_store(
    settings: RedisSettings,
    *,
    meaning: str = "",
    on_retry: Callable[[str], None] = lambda _name: None,
) -> RedisStateStore:
    """Build the store; nothing is sent before ``open``.

    Args:
        settings: where Redis is and how long to wait for it.
        meaning: from :func:`meaning_of`; empty for a caller that reads no record as a person's.
        on_retry: receives the name of the fault before each retry, for a metric.

    Raises:
        ConfigurationError: if the URL is of an unknown kind.
    """
    link = connect(
        settings.url,
        cluster=settings.cluster,
        timeout_seconds=settings.timeout_seconds,
        username=settings.username,
        password=settings.password.get_secret_value(),
        ssl_ca_file=settings.ssl_ca_file,
        ssl_cert_file=settings.ssl_cert_file,
        ssl_key_file=settings.ssl_key_file,
    )
    retries = RetryPolicy(settings.retry_seconds, on_retry=on_retry)
    return RedisStateStore(
        link, prefix=settings.key_prefix, tags=TAGS, retries=retries, meaning=meaning
    )


def meaning_of(pseudonymiser: Pseudonymiser, catalog: Catalog = CATALOG) -> str:
    """The meaning of the records: the key of the pseudonyms, and local time, which starts the days."""
    return f"{pseudonymiser.mark}{catalog.utc_offset_minutes:+d}"
