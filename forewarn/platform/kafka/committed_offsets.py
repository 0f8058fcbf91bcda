"""Offsets that a consumer group has committed."""

from typing import Any

from kafka.errors import KafkaError
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_fixed

PAUSE_SECONDS = 0.2


def committed_offsets(admin: Any, group: str, *, timeout_seconds: float) -> dict[Any, int]:
    """Committed offset by partition; empty for a group that never committed.

    A cluster that no group has used yet makes its offsets topic at the first question and has no
    coordinator until that is done, so the question is repeated within ``timeout_seconds``.

    Args:
        admin: a ``KafkaAdminClient``.
        group: the consumer group.
        timeout_seconds: bound on repeating.

    Raises:
        KafkaError: the last one, when the bound has passed or repeating cannot help.
    """
    retrying = Retrying(
        retry=retry_if_exception(lambda error: isinstance(error, KafkaError) and error.retriable),
        wait=wait_fixed(PAUSE_SECONDS),
        stop=stop_after_delay(timeout_seconds),
        reraise=True,
    )
    found = retrying(admin.list_group_offsets, group).get(group, {})
    return {tp: entry.offset for tp, entry in found.items() if entry.offset >= 0}
