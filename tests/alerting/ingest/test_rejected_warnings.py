"""A message of any size that does not decode is filed: the topic goes on."""

from typing import Any

from alerting.ingest.rejected_warnings import rejecter
from alerting.messaging.topic_reader import TopicRecord
from forewarn.errors import ContractError
from tests.alerting.factory import NOW_MS, Clock


def test_the_letter_of_the_largest_message_fits_into_a_mebibyte() -> None:
    sent: list[Any] = []

    class Taking:
        def send(self, messages: list[tuple[str, bytes | None, bytes]]) -> None:
            sent.extend(messages)

    reject = rejecter(Taking(), Clock(NOW_MS))  # type: ignore[arg-type]  # all that is used of it
    huge = TopicRecord("warnings", 0, 7, NOW_MS, b"+86138", b"\xff" * 1_048_576)
    reject(huge, ContractError("not JSON", reason="not_json"))
    ((topic, _, value),) = sent
    assert topic == "dead-letters"
    assert len(value) < 400_000
