"""The options file: defaults that work, faults with field and line, and no faulty file in use."""

from pathlib import Path
from threading import Event

import pytest

from forewarn.errors import ConfigurationError
from forewarn.platform.settings.alerting_options import AlertingOptions
from forewarn.platform.settings.toml_document import load_toml, parse_toml
from forewarn.platform.watched_file import WatchedFile

GOOD = "[first_response]\ncritical_seconds = 45\n"


def read(path: Path) -> AlertingOptions:
    return load_toml(path, AlertingOptions)


def watched(
    path: Path | None, seen: list[int], refused: list[bool]
) -> WatchedFile[AlertingOptions]:
    return WatchedFile(
        path,
        read,
        default=AlertingOptions(),
        name="options",
        reload_seconds=5.0,
        on_loaded=lambda options: seen.append(options.first_response.critical_seconds),
        on_refused=lambda: refused.append(True),
    )


def test_an_empty_file_means_the_defaults() -> None:
    assert parse_toml("", AlertingOptions, name="alerting.toml") == AlertingOptions()


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("colour = 1", ["colour (line 1)"]),
        ("[smtp]\nurl = 3\n\n[sweeps]\n# a remark\nquiet_days = 0", ["smtp.url (line 2)", "sweeps.quiet_days (line 6)"]),
        ("[gateways]\nsms = 'x'", ["gateways.sms (line 2)"]),
        ("first_response = { critical_seconds = '60' }", ["first_response.critical_seconds (line 1)"]),
        ("[console]\ntimezone = 'Mars/Base'", ["console.timezone (line 2)", "not a time zone"]),
        ("[smtp]\nurl = = 1", ["line 2"]),
        ("[first_response]\ncritical_seconds = true", ["critical_seconds (line 2)"]),
    ],
)  # fmt: skip
def test_every_fault_names_its_field_and_line(text: str, places: list[str]) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse_toml(text, AlertingOptions, name="alerting.toml")
    assert [place for place in places if place not in str(refused.value)] == []


def test_a_faulty_file_never_replaces_a_good_one(tmp_path: Path) -> None:
    file, seen, refused = tmp_path / "alerting.toml", [], []
    file.write_text(GOOD)
    source = watched(file, seen, refused)
    file.write_text("[first_response]\ncritical_seconds = 0\n")
    assert source.turn(Event()) == 5.0
    assert source.current.first_response.critical_seconds == 45
    assert source.fault is not None
    assert "line 2" in source.fault
    file.unlink()
    source.turn(Event())
    assert source.current.first_response.critical_seconds == 45
    file.write_text("[first_response]\ncritical_seconds = 30 # sooner\n")
    source.turn(Event())
    assert (source.current.first_response.critical_seconds, source.fault) == (30, None)
    assert (seen, refused) == ([45, 30], [True, True])


def test_options_that_nothing_can_be_built_from_are_not_taken(tmp_path: Path) -> None:
    file, seen, refused = tmp_path / "alerting.toml", [], []
    file.write_text(GOOD)
    source = watched(file, seen, refused)

    def refuse(_options: AlertingOptions) -> None:
        raise ConfigurationError("a secret is missing")

    source._on_loaded = refuse
    file.write_text("[gateways]\nbank_url = 'https://bank.example'\n")
    source.turn(Event())
    assert source.current.gateways.bank_url == ""
    assert source.fault == "a secret is missing"


def test_a_faulty_file_at_the_start_stops_the_program(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        watched(tmp_path / "missing.toml", [], [])
