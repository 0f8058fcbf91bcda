"""Formats known by name: data files beside the package, one a format.

A description says how a file is read, what its columns mean, how it is recognised, and where each fact comes
from. What differs from file to file (whose number it is, in which zone the exchange stands) is a parameter,
given with ``--given``; a parameter without a default has to be given, because a guess would be silent.
"""

import re
import tomllib
from functools import cache
from importlib import resources
from typing import Any

import msgspec

from forewarn.errors import ConfigurationError
from forewarn.replay.column_mapping import Mapping
from forewarn.replay.mapping_file import parse_mapping


class Fact(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Something that is true of a format, and where it is written."""

    text: str
    source: str


class Parameter(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What a file of the format does not say itself."""

    about: str
    example: str
    default: str | None = None


class Recognition(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """How a file of the format is distinguished from others.

    Attributes:
        names: columns that one of the first lines names, or that the first object of JSON has.
        cells: fewest and most cells of a line, for files without a header.
        patterns: what cells of every line look like, by their place counted from 1.
        text: a regular expression that the beginning of the file holds.
    """

    names: list[str] = []
    cells: tuple[int, int] = (0, 0)
    patterns: dict[str, str] = {}
    text: str = ""


class FileFormat(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One format.

    Attributes:
        name: on the command line.
        title: for people.
        gives: ``calls`` or ``transfers``.
        endings: of file names.
        sample: the file in docs/samples/formats.
        given: parameters with which the sample is read.
        recognise: how it is distinguished from others.
        zone: in words: what the times of the format mean.
        direction: in words: how the direction is known.
        columns: names and what they mean.
        traps: what is easily read wrong, and where it is known from.
        parameters: what the file does not say.
        mapping: as in a mapping file; ``${name}`` stands for a parameter.
    """

    name: str
    title: str
    gives: str
    endings: list[str]
    sample: str
    given: dict[str, str] = {}
    recognise: Recognition
    zone: str
    direction: str
    columns: dict[str, str]
    traps: list[Fact]
    parameters: dict[str, Parameter] = {}
    mapping: dict[str, Any]

    def mapping_with(self, given: dict[str, str]) -> Mapping:
        """The mapping of the format, its parameters filled in.

        Args:
            given: values by name.

        Raises:
            ConfigurationError: if one is missing or none of the format's.
        """
        if unknown := sorted(given.keys() - self.parameters.keys()):
            known = ", ".join(self.parameters) or "none"
            raise ConfigurationError(
                f"{self.name} asks for no {unknown[0]}.", hint=f"Its parameters: {known}."
            )
        values = {name: each.default for name, each in self.parameters.items()} | given
        for name, value in values.items():
            if value is None:
                each = self.parameters[name]
                raise ConfigurationError(
                    f"{self.name} needs {name}: {each.about}.",
                    hint=f"Say --given '{name}={each.example}'.",
                )
        raw = _filled(self.mapping, {name: str(value) for name, value in values.items()})
        return Mapping(parse_mapping(raw, f"the format {self.name}"), f"the format {self.name}")


@cache
def known_formats() -> dict[str, FileFormat]:
    """All formats by their names, in the order of the names."""
    folder = resources.files("forewarn.replay") / "formats"
    found = {}
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".toml"):
            each = msgspec.convert(tomllib.loads(file.read_text(encoding="utf-8")), FileFormat)
            found[each.name] = each
    return found


def format_named(name: str) -> FileFormat:
    """A format by its name.

    Raises:
        ConfigurationError: if there is none of that name.
    """
    found = known_formats().get(name)
    if found is None:
        raise ConfigurationError(
            f"there is no format {name}.",
            hint=f"There are {', '.join(known_formats())}; see forewarn formats.",
        )
    return found


def _filled(value: Any, given: dict[str, str]) -> Any:
    """A mapping with every ``${name}`` replaced."""
    if isinstance(value, str):
        return re.sub(r"\$\{(\w+)\}", lambda found: given[found[1]], value)
    if isinstance(value, list):
        return [_filled(each, given) for each in value]
    if isinstance(value, dict):
        return {_filled(name, given): _filled(each, given) for name, each in value.items()}
    return value
