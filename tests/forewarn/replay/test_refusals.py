"""An event that Kafka refuses by itself is put aside with its place and reason; anything else ends the run."""

import json
from pathlib import Path

import pytest

from forewarn.errors import DependencyUnavailableError
from forewarn.replay import BadRow, Progress, Ready, Tally, event_sender, in_order, load_mapping
from forewarn.replay.batch_producer import BatchFuture, EventRefusedError
from tests.forewarn.replay.producer import AcknowledgingProducer, sent

SAMPLES = Path(__file__).parents[3] / "docs" / "samples"
FILES = [(SAMPLES / "calls.csv", load_mapping(SAMPLES / "calls.toml"))]


def test_a_refused_event_is_named_put_aside_and_the_rest_goes_on() -> None:
    items = list(in_order(FILES))
    producer = AcknowledgingProducer(frozenset({2}), EventRefusedError())
    tally, refused = Tally(Progress([0])), []
    sent(items, producer, tally, on_refusal=lambda event, row: refused.append((event, row)))
    ((event, row),) = refused
    assert event == items[2]
    assert (row.file, row.line, row.topic) == ("a", event.line, "calls")
    assert "refused by Kafka on calls" in row.reason
    assert (tally.refused, tally.failed, tally.total) == (1, 0, len(items) - 1)
    assert tally.progress.done == [len(items)]
    letters = [json.loads(value) for topic, value in producer.sent if topic == "dead-letters"]
    assert [(each["reason"], each["offset"]) for each in letters] == [("bad_row", event.line)]


def test_more_refusals_than_rows_can_explain_end_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_sender, "REFUSED_MAX", 2)
    producer = AcknowledgingProducer(frozenset({0, 2, 4}), EventRefusedError())
    with pytest.raises(
        DependencyUnavailableError, match=r"a:\d+ to calls.*more than 2 were refused"
    ):
        sent(in_order(FILES), producer, Tally(Progress([0])))


def test_a_failure_of_every_event_names_the_first_line() -> None:
    producer = AcknowledgingProducer(frozenset({1}))
    with pytest.raises(
        DependencyUnavailableError, match=r"a:\d+ to calls: KafkaTimeoutError: from"
    ):
        sent(in_order(FILES), producer, Tally(Progress([0])))


def test_a_refused_dead_letter_ends_the_run() -> None:
    row = BadRow("a", 7, "not JSON", b"{", "calls")
    producer = AcknowledgingProducer(frozenset({0}), EventRefusedError())
    with pytest.raises(DependencyUnavailableError, match="a:7"):
        sent([row], producer, Tally(Progress([0])))


def test_each_record_of_a_batch_gets_its_own_result_early_or_late() -> None:
    future, found = BatchFuture(), []
    refusal = EventRefusedError()
    for number in range(2):
        future.when_settled(lambda name, error: found.append((name, error)), number)
    future.settle(None, {1: refusal, 2: refusal})
    for number in range(2, 4):
        future.when_settled(lambda name, error: found.append((name, error)), number)
    assert found == [(0, None), (1, refusal), (2, refusal), (3, None)]


def test_events_know_the_line_that_a_refusal_names() -> None:
    assert all(item.line > 1 for item in in_order(FILES) if isinstance(item, Ready))
