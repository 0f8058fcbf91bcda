"""Files as people bring them: each folder of ``cases`` is a fault that was silent once, with the right result.

``mapping.toml`` is what a user writes first; ``mapping_right.toml``, where there is one, says more.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from forewarn.errors import ConfigurationError
from forewarn.replay import BadRow, load_mapping
from forewarn.replay.event_listing import EventListing
from forewarn.replay.event_order import in_order
from forewarn.replay.file_tally import FileTally

CASES = sorted((Path(__file__).parent / "cases").iterdir())
LEFT_OUT = {"direction": "outgoing", "currency": "CNY", "revision": 0}


@dataclass
class Outcome:
    refused: str = ""
    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    bad_rows: list[int] = field(default_factory=list)
    skipped_rows: int = 0


def outcome(folder: Path, mapping: Path, tmp_path: Path) -> Outcome:
    """What the command would do with the file of a case."""
    path = next(path for path in folder.iterdir() if path.name.startswith("input"))
    tally, found = FileTally(path.name), Outcome()
    try:
        with EventListing(tmp_path / "events.jsonl", [path]) as listing:
            for item in in_order([(path, load_mapping(mapping))], tallies=[tally]):
                if isinstance(item, BadRow):
                    found.bad_rows.append(item.line)
                else:
                    listing.add(item)
    except ConfigurationError as error:
        return Outcome(refused=str(error))
    assert tally.missing == 0
    listed = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    found.events = {one["event"]["event_id"]: one["event"] for one in listed}
    found.bad_rows.sort()
    found.skipped_rows = tally.passed_rows
    return found


@pytest.mark.parametrize("folder", CASES, ids=lambda folder: folder.name)
def test_a_file_is_read_right_or_refused(folder: Path, tmp_path: Path) -> None:
    expected = json.loads((folder / "expected.json").read_text())
    right, right_too = expected["right"], expected.get("right_too", {})
    found = outcome(folder, folder / "mapping.toml", tmp_path)
    if found.refused and ("refused" in right or "refused" in right_too):
        return
    if "refused" not in right:
        better = folder / "mapping_right.toml"
        if better.exists():
            # What was written first is refused or bad: nothing of it is guessed.
            assert found.refused or found.bad_rows or not expected.get("first_is_loud", True)
            found = outcome(folder, better, tmp_path)
        assert not found.refused
        assert found.bad_rows == right["bad_rows"]
        assert found.skipped_rows == right["skipped_rows"]
        assert found.events.keys() == {event["event_id"] for event in right["events"]}
        for event in right["events"]:
            kept = found.events[event["event_id"]]
            assert {name: kept.get(name, LEFT_OUT.get(name)) for name in event} == event
        return
    assert folder.name in ("19-own-account", "29-withheld-caller"), found


def test_money_moved_to_oneself_is_counted_and_no_payment(tmp_path: Path) -> None:
    folder = next(folder for folder in CASES if folder.name == "19-own-account")
    assert outcome(folder, folder / "mapping.toml", tmp_path) == Outcome(skipped_rows=1)


def test_a_withheld_caller_has_no_number_and_its_call_is_kept(tmp_path: Path) -> None:
    folder = next(folder for folder in CASES if folder.name == "29-withheld-caller")
    found = outcome(folder, folder / "mapping.toml", tmp_path)
    assert [event["caller"] for event in found.events.values()] == [None] * 4
    assert found.bad_rows == []
