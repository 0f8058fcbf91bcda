"""Which mapping a file is read with: its own, or that of a format known by name."""

from collections.abc import Callable
from pathlib import Path

from forewarn.replay.byte_stream import kind_of
from forewarn.replay.column_mapping import Mapping, load_mapping


def mapping_for(
    path: Path, format_name: str, given: list[str], *, ask: Callable[[str], bool]
) -> Mapping:
    """The mapping of a file.

    Args:
        path: of the file.
        format_name: of a known format; empty: the file beside it that ends in ``.toml``, or a format that
            the header tells and that ``ask`` confirms.
        given: ``NAME=VALUE`` for what a format asks.
        ask: confirms a guess.

    Raises:
        ConfigurationError: if there is none.
    """
    kind = kind_of(path)
    stem = path.name[: path.name.lower().rfind(kind)] if kind else path.name
    return load_mapping(path.with_name(f"{stem}.toml"))
