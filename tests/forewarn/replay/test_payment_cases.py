"""Files of banks and wallets that were read wrongly once: each folder holds the input and what is right.

``right.json`` names the format with what is given (or ``mapping.toml`` stands beside it), and says of the events the
fields that matter. ``alike`` and ``unlike`` are fields that are one value, or another one, in all events.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from forewarn.errors import ConfigurationError
from forewarn.replay import BadRow, load_mapping
from forewarn.replay.column_mapping import Mapping
from forewarn.replay.event_listing import EventListing
from forewarn.replay.event_order import in_order
from forewarn.replay.file_tally import FileTally
from forewarn.replay.format_catalog import format_named

CASES = sorted((Path(__file__).parent / "payment_cases").iterdir())


@dataclass
class Outcome:
    refused: str = ""
    events: list[dict[str, Any]] = field(default_factory=list)
    bad: list[int] = field(default_factory=list)
    passed: dict[str, int] = field(default_factory=dict)


def mapping_of(folder: Path, right: dict[str, Any]) -> Mapping:
    if "format" in right:
        return format_named(right["format"]).mapping_with(right["given"])
    return load_mapping(folder / "mapping.toml")


def outcome(folder: Path, right: dict[str, Any], tmp_path: Path) -> Outcome:
    path = next(path for path in folder.iterdir() if path.name.startswith("input"))
    tally, found = FileTally(path.name), Outcome()
    try:
        with EventListing(tmp_path / "events.jsonl", [path]) as listing:
            for item in in_order([(path, mapping_of(folder, right))], tallies=[tally]):
                if isinstance(item, BadRow):
                    found.bad.append(item.line)
                else:
                    listing.add(item)
    except ConfigurationError as error:
        return Outcome(refused=f"{error} {error.hint}")
    assert tally.missing == 0
    lines = (tmp_path / "events.jsonl").read_text().splitlines()
    found.events = [json.loads(line)["event"] for line in lines]
    found.bad.sort()
    found.passed = dict(tally.passed)
    return found


@pytest.mark.parametrize("folder", CASES, ids=lambda folder: folder.name)
def test_a_payment_file_is_read_right_or_refused(folder: Path, tmp_path: Path) -> None:
    right = json.loads((folder / "right.json").read_text(encoding="utf-8"))
    found = outcome(folder, right, tmp_path)
    if "refused" in right:
        assert right["refused"] in found.refused
        return
    assert not found.refused
    assert found.bad == right.get("bad", [])
    assert found.passed == right.get("passed", {})
    assert len(found.events) == len(right["events"])
    for event, said in zip(found.events, right["events"], strict=True):
        assert {name: event[name] for name in said} == said
    for name in right.get("alike", []):
        assert len({event[name] for event in found.events}) == 1, name
    for name in right.get("unlike", []):
        assert len({event[name] for event in found.events}) == len(found.events), name
