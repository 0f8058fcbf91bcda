"""Apply a batch so that one record that the database refuses does not block the others.

A value that passes every check and still does not fit (a NUL, a sum past 64 bits) fails its whole
batch, which would be repeated without end. The batch is therefore applied record by record, and the
faulty record is filed as a dead letter. An outage fails every record and is retried instead.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import structlog
from sqlalchemy.exc import DataError, IntegrityError

from alerting.messaging.topic_reader import TopicRecord
from forewarn.errors import ContractError

REFUSALS = (DataError, IntegrityError, OverflowError, UnicodeEncodeError)
"""Errors by which a database or its driver refuses a value; other errors are not the record's."""

Reject = Callable[[TopicRecord, ContractError], None]
T = TypeVar("T")

_log = structlog.get_logger(__name__)


def apply_isolated(
    items: Sequence[tuple[TopicRecord, T]],
    apply: Callable[[Sequence[tuple[TopicRecord, T]]], None],
    reject: Reject,
) -> int:
    """Apply a batch as a whole, or record by record if that fails.

    Args:
        items: the records with their decoded values.
        apply: applies some of them in one transaction of its own.
        reject: files a record that the database refuses.

    Returns:
        How many records were refused.
    """
    try:
        apply(items)
    except REFUSALS as error:
        if len(items) > 1:
            return sum(apply_isolated([item], apply, reject) for item in items)
        record = items[0][0]
        # Only the type: a driver's message may quote the row.
        why = f"the database refused it: {type(error).__name__}"
        _log.warning("record_refused", topic=record.topic, offset=record.offset, why=why)
        reject(record, ContractError(why, reason="processing_failed"))
        return 1
    return 0
