"""Every format known by name reads its sample as written down, and its header distinguishes it from all others."""

import json
from pathlib import Path

import pytest

from forewarn.errors import ConfigurationError
from forewarn.replay import BadRow, in_order
from forewarn.replay.event_listing import EventListing
from forewarn.replay.file_tally import FileTally
from forewarn.replay.format_catalog import FileFormat, format_named, known_formats
from forewarn.replay.format_choice import mapping_for, recognised

SAMPLES = Path(__file__).parents[3] / "docs" / "samples" / "formats"
FORMATS = list(known_formats().values())


def listed(each: FileFormat, tmp_path: Path) -> tuple[list[dict], FileTally, list[int]]:
    sample, tally, bad = SAMPLES / each.sample, FileTally(each.sample), []
    with EventListing(tmp_path / "events.jsonl", [sample]) as listing:
        for item in in_order([(sample, each.mapping_with(each.given))], tallies=[tally]):
            if isinstance(item, BadRow):
                bad.append(item.line)
            else:
                listing.add(item)
    lines = (tmp_path / "events.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines], tally, bad


@pytest.mark.parametrize("each", FORMATS, ids=lambda each: each.name)
def test_the_sample_gives_what_is_written_beside_it(each: FileFormat, tmp_path: Path) -> None:
    found, tally, _ = listed(each, tmp_path)
    written = (SAMPLES / f"{each.name}.expected.jsonl").read_text(encoding="utf-8")
    assert found == [json.loads(line) for line in written.splitlines()]
    assert tally.missing == 0
    assert {one["event"]["type"] == "transfer" for one in found} == {each.gives == "transfers"}


@pytest.mark.parametrize("each", FORMATS, ids=lambda each: each.name)
def test_a_sample_is_recognised_as_its_own_format_and_no_other(each: FileFormat) -> None:
    assert [one.name for one in recognised(SAMPLES / each.sample)] == [each.name]


@pytest.mark.parametrize("each", FORMATS, ids=lambda each: each.name)
def test_a_format_says_where_its_facts_come_from(each: FileFormat) -> None:
    assert each.traps
    assert all(trap.text and trap.source for trap in each.traps)
    assert each.zone
    assert each.direction
    assert each.columns


def test_a_guess_is_asked_for_and_refused_without_an_answer() -> None:
    asked: list[str] = []
    sample = SAMPLES / "twilio_calls.jsonl"
    mapping = mapping_for(sample, "", [], ask=lambda question: asked.append(question) is None)
    assert mapping.topic == "calls"
    assert "twilio" in asked[0]
    with pytest.raises(ConfigurationError, match="--format twilio"):
        mapping_for(sample, "", [], ask=lambda question: False)


def test_what_a_file_does_not_say_has_to_be_given() -> None:
    asterisk = format_named("asterisk")
    with pytest.raises(ConfigurationError, match=r"zone.*--given 'zone=Europe/Berlin'"):
        asterisk.mapping_with({"own": "49"})
    with pytest.raises(ConfigurationError, match="asks for no colour"):
        asterisk.mapping_with({"own": "49", "zone": "UTC", "colour": "red"})
    with pytest.raises(ConfigurationError, match="there is no format nokia"):
        format_named("nokia")


def figures(each: FileFormat, tmp_path: Path) -> list[tuple]:
    found, _, _ = listed(each, tmp_path)
    names = ("direction", "status", "amount_minor", "currency", "event_time_ms", "transfer_id")
    return [tuple(one["event"][name] for name in names) for one in found]


def test_paypal_times_in_the_doubled_hour_are_resolved_by_their_zone(tmp_path: Path) -> None:
    assert figures(format_named("paypal-de"), tmp_path) == [
        ("outgoing", "completed", 123_456, "EUR", 1_792_886_290_000, "0AA00000000000001"),
        ("outgoing", "completed", 4_850, "EUR", 1_792_888_200_000, "0AA00000000000002"),
        ("outgoing", "reversed", 4_850, "EUR", 1_792_891_800_000, "0AA00000000000002"),
        ("incoming", "completed", 50_000, "EUR", 1_793_006_100_000, "0AA00000000000004"),
    ]


def test_camt_shows_reversal_pending_batch_and_currencies(tmp_path: Path) -> None:
    rows = [row[:4] + row[5:] for row in figures(format_named("camt053"), tmp_path)]
    assert rows == [
        ("outgoing", "completed", 50_000, "EUR", "R1"),
        ("outgoing", "reversed", 50_000, "EUR", "R1"),
        ("incoming", "attempted", 50, "EUR", "R3"),
        ("outgoing", "completed", 5_000, "JPY", "R4"),
        ("outgoing", "completed", 10_000, "EUR", "R5-1"),
        ("outgoing", "completed", 20_000, "EUR", "R5-2"),
    ]


def test_mt940_keeps_reversals_apart_from_payments(tmp_path: Path) -> None:
    rows = [(row[0], row[1], row[2], row[5]) for row in figures(format_named("mt940"), tmp_path)]
    assert rows == [
        ("outgoing", "completed", 50_000, "R1"),
        ("incoming", "completed", 250_050, "R2"),
        ("outgoing", "reversed", 50_000, "R1"),
        ("incoming", "reversed", 250_050, "R2"),
    ]


def test_an_alipay_order_that_never_moved_money_is_no_transfer(tmp_path: Path) -> None:
    found, tally, bad = listed(format_named("alipay"), tmp_path)
    assert [one["line"] for one in found] == [18, 19, 20, 23]
    assert tally.passed == {"closed order: no money moved": 1, "own money (不计收支)": 1}
    assert bad == [21]  # a comma within a name that is not quoted


def test_a_call_through_the_doubled_hour_lasts_as_long_as_its_talk(tmp_path: Path) -> None:
    found, _, _ = listed(format_named("asterisk"), tmp_path)
    (ended,) = (
        one["event"] for one in found if one["line"] == 3 and "started_at_ms" in one["event"]
    )
    assert (ended["started_at_ms"], ended["event_time_ms"]) == (
        1_792_889_890_000,
        1_792_890_220_000,
    )
    assert ended["duration_ms"] == 320_000


def test_two_records_of_a_transferred_call_are_one_call(tmp_path: Path) -> None:
    found, tally, _ = listed(format_named("avaya-smdr"), tmp_path)
    ended = {one["line"]: one["event"] for one in found if "duration_ms" in one["event"]}
    assert ended[4]["duration_ms"] == 180_000
    assert tally.joined == 1
    assert found[0]["event"]["event_time_ms"] == 1_772_413_934_000


def smdr(tmp_path: Path, *lines: str) -> list[dict]:
    (tmp_path / "smdr.csv").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    meaning = format_named("avaya-smdr").mapping_with({"zone": "UTC", "region": "GB"})
    items = list(in_order([(tmp_path / "smdr.csv", meaning)]))
    assert not any(isinstance(item, BadRow) for item in items), items
    return [json.loads(item.value) for item in items]


def test_the_records_of_a_transferred_call_bear_one_start_and_add_up(tmp_path: Path) -> None:
    """The example of the manufacturer: seven seconds of ringing, 13 and 21 of talk, 11 on hold."""
    found = smdr(
        tmp_path,
        "2008/06/28 09:30:57,00:00:13,7,01707392200,I,299999,299999,,0,1000014160,1,E4750,J,T9002,L,11,0",
        "2008/06/28 09:30:57,00:00:21,0,01707392200,I,299999,299999,,0,1000014160,0,V9502,V,T9002,L,0,0",
    )
    started, ended = found
    assert ended["duration_ms"] == 34_000
    assert ended["event_time_ms"] - ended["started_at_ms"] == (7 + 13 + 11 + 21) * 1000
    assert started["event_time_ms"] - ended["started_at_ms"] == 7_000


def test_time_on_hold_belongs_to_the_call_and_not_to_the_talk(tmp_path: Path) -> None:
    (_, ended) = smdr(
        tmp_path,
        "2008/06/28 09:30:00,00:01:00,5,01707392200,I,299999,299999,,0,77,0,E4750,J,T9002,L,30,10",
    )
    assert ended["duration_ms"] == 60_000
    assert ended["event_time_ms"] - ended["started_at_ms"] == (5 + 60 + 30 + 10) * 1000


def test_asterisk_may_write_the_columns_of_later_versions(tmp_path: Path) -> None:
    line = (SAMPLES / "asterisk_master.csv").read_text(encoding="utf-8").splitlines()[0]
    (tmp_path / "Master.csv").write_text(f'{line},"","1761333005.161",7\n', encoding="utf-8")
    asterisk = format_named("asterisk")
    assert [each.name for each in recognised(tmp_path / "Master.csv")] == ["asterisk"]
    items = list(in_order([(tmp_path / "Master.csv", asterisk.mapping_with(asterisk.given))]))
    assert [type(item) for item in items] == [type(items[0])] * 2
    assert not isinstance(items[0], BadRow)
