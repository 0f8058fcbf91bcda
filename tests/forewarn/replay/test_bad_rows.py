"""Whatever a row holds, it becomes a dead letter that fits, and the row after it still arrives."""

import base64
import json
from pathlib import Path

import pytest

from forewarn.contracts import DeadLetter
from forewarn.replay import BadRow, Progress, Ready, Tally, in_order, load_mapping
from tests.forewarn.replay.producer import AcknowledgingProducer, sent

RECORD_BYTES_MAX = 1_000_000

MAPPING = """
zone = "Asia/Shanghai"

[[events]]
type = "transfer"
fields.event_id = { template = "{ref[id]}" }
fields.event_time_ms = { column = "time", time = "FORM" }
fields.subscriber = "phone"
fields.transfer_id = "id"
fields.status = { value = "attempted" }
fields.payer_account = { value = "a" }
fields.payee_account = { value = "b" }
fields.amount_minor = { column = "yuan", decimals = 2 }
fields.device = { column = "device", default = "" }
"""

GOOD = {
    "id": "t",
    "time": "2026-03-02T09:00:00",
    "phone": "+8613800000001",
    "yuan": "1",
    "ref": {"id": "e"},
}
GOOD_SECONDS = GOOD | {"time": 1_772_413_928}


@pytest.mark.parametrize(
    ("form", "cells"),
    [
        pytest.param("iso", {"time": "0001-01-01T00:00:00"}, id="a time before all zones"),
        pytest.param("iso", {"time": "9999-12-31T23:59:59-20:00"}, id="a time after the last"),
        pytest.param("iso", {"time": []}, id="a list for a time"),
        pytest.param("epoch_s", {"time": "Infinity"}, id="infinite seconds"),
        pytest.param("epoch_s", {"time": "1E+999999"}, id="seconds with a million digits"),
        pytest.param("epoch_s", {"time": "NaN"}, id="no number of seconds"),
        pytest.param("iso", {"yuan": "1E+999999"}, id="an amount with a million digits"),
        pytest.param("iso", {"yuan": "-Infinity"}, id="an infinite amount"),
        pytest.param("iso", {"yuan": {"a": 1}}, id="an object for an amount"),
        pytest.param("iso", {"ref": "no object"}, id="a template that does not fit"),
        pytest.param("iso", {"ref": None}, id="a template on nothing"),
        pytest.param("iso", {"device": "\ud800"}, id="half a surrogate pair in a field"),
        pytest.param("iso", {"phone": "\udfff"}, id="half a surrogate pair in the key"),
        pytest.param("iso", {"phone": None, "x": "\ud800"}, id="half a surrogate pair beside"),
        pytest.param("iso", {"device": "d" * 20_000}, id="an event that no worker takes"),
        pytest.param("iso", {"phone": "p" * 2_000_000}, id="a row longer than a record may be"),
        pytest.param("iso", None, id="brackets without end"),
    ],
)
def test_the_good_row_after_a_bad_one_still_arrives(
    tmp_path: Path, form: str, cells: dict[str, object] | None
) -> None:
    good = GOOD if form == "iso" else GOOD_SECONDS
    bad = "[" * 100_000 if cells is None else json.dumps(good | cells)
    (tmp_path / "rows.jsonl").write_text(f"{bad}\n{json.dumps(good)}\n")
    (tmp_path / "rows.toml").write_text(MAPPING.replace("FORM", form))
    items = in_order([(tmp_path / "rows.jsonl", load_mapping(tmp_path / "rows.toml"))])
    producer, tally = AcknowledgingProducer(), Tally(Progress([0]))
    sent(items, producer, tally)

    assert (tally.bad_rows, tally.sent) == (1, {"transfers": 1})
    assert {topic for topic, _ in producer.sent} == {"dead-letters", "transfers"}
    assert all(len(value) < RECORD_BYTES_MAX for _, value in producer.sent)
    assert tally.progress.done == [2]


def test_a_dead_letter_holds_the_beginning_of_a_row_and_its_line(tmp_path: Path) -> None:
    row = GOOD | {"phone": None, "x": "\ud800" + "x" * 300_000}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row))
    (tmp_path / "rows.toml").write_text(MAPPING.replace("FORM", "iso"))
    items = list(in_order([(tmp_path / "rows.jsonl", load_mapping(tmp_path / "rows.toml"))]))
    assert [type(item) for item in items] == [BadRow]
    producer = AcknowledgingProducer()
    sent(iter(items), producer, Tally(Progress([0])))
    ((_, value),) = producer.sent
    letter = DeadLetter(**{k: v for k, v in json.loads(value).items() if k != "type"})
    assert (letter.reason, letter.offset, letter.partition) == ("bad_row", 1, -1)
    raw = base64.b64decode(letter.value)
    assert len(raw) == 262_144
    assert b"\\ud800xxx" in raw


def test_a_row_gives_all_its_events_or_none(tmp_path: Path) -> None:
    """A call whose start was sent and whose end was refused would never end."""
    mapping = MAPPING.replace("FORM", "iso") + MAPPING.partition("\n\n")[2].replace(
        '"FORM"', '"iso"'
    ).replace('{ value = "attempted" }', '"status"')
    (tmp_path / "rows.toml").write_text(mapping)
    (tmp_path / "rows.jsonl").write_text(json.dumps(GOOD | {"status": "unheard of"}))
    items = list(in_order([(tmp_path / "rows.jsonl", load_mapping(tmp_path / "rows.toml"))]))
    assert not any(isinstance(item, Ready) for item in items)
