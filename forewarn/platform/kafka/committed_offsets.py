"""What a consumer group has committed."""

import time
from typing import Any

from kafka.errors import KafkaError

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
    deadline = time.monotonic() + timeout_seconds
    while True:
        try:
            found = admin.list_group_offsets(group).get(group, {})
        except KafkaError as error:
            if not error.retriable or time.monotonic() >= deadline:
                raise
            time.sleep(PAUSE_SECONDS)
        else:
            return {tp: entry.offset for tp, entry in found.items() if entry.offset >= 0}
