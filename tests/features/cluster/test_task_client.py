"""The client of a cluster says in one line that the scheduler has gone."""

import asyncio
import logging

import pytest
from distributed.comm import CommClosedError

from features.cluster.task_client import is_no_loss


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (asyncio.CancelledError(), False),
        (CommClosedError(), False),
        (ValueError(), True),
        (None, True),
    ],
)
def test_a_traceback_about_a_lost_scheduler_is_left_out_and_others_are_not(
    error: BaseException | None, shown: bool
) -> None:
    caught = error and (type(error), error, None)
    record = logging.LogRecord("distributed.client", logging.ERROR, "", 0, "", (), caught)
    assert is_no_loss(record) is shown
