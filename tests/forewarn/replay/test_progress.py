"""A run that was cut short says exactly where to go on."""

from pathlib import Path

import pytest

from forewarn.cli.replay_run import where_to_go_on
from forewarn.errors import DependencyUnavailableError
from forewarn.replay import BadRow, Progress, Tally, in_order, load_mapping
from tests.forewarn.replay.producer import AcknowledgingProducer, sent

SAMPLES = Path(__file__).parents[3] / "docs" / "samples"
FILES = [
    (SAMPLES / name, load_mapping((SAMPLES / name).with_suffix(".toml")))
    for name in ("calls.csv", "transfers.jsonl")
]


def test_acknowledged_events_after_a_gap_are_not_done() -> None:
    progress = Progress([10, 0])
    for _ in range(3):
        progress.sent(0)
    progress.acknowledged(0, 12)
    assert (progress.done, progress.beyond) == ([10, 0], 1)
    progress.acknowledged(0, 10)
    progress.acknowledged(0, 11)
    assert (progress.done, progress.beyond) == ([13, 0], 0)


def test_going_on_where_a_run_stopped_sends_every_item_exactly_once() -> None:
    whole = list(in_order(FILES))
    assert not any(isinstance(item, BadRow) for item in whole)
    for stop in range(len(whole)):
        producer, tally = AcknowledgingProducer(frozenset({stop})), Tally(Progress([0, 0]))
        with pytest.raises(DependencyUnavailableError, match="did not take 1 of"):
            sent(in_order(FILES), producer, tally)
        rest = AcknowledgingProducer()
        again = Tally(Progress(tally.progress.done))
        items = in_order(FILES, skip=tally.progress.done)
        sent(items, rest, again)
        values = [value for _, value in producer.sent + rest.sent]
        assert sorted(values) == sorted(item.value for item in whole)


def test_the_options_to_continue_are_printed_with_the_events_that_will_count_twice() -> None:
    progress = Progress([0, 0])
    progress.acknowledged(0, 0)
    progress.acknowledged(1, 1)
    line = where_to_go_on([path for path, _ in FILES], progress)
    assert "1 of calls.csv, 0 of transfers.jsonl" in line
    assert "--skip 1 --skip 0" in line
    assert "1 later ones were acknowledged too and will count twice" in line
