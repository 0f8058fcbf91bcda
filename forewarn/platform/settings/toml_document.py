"""A TOML file checked against a model; every fault names its field and its line."""

import re
import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from forewarn.errors import ConfigurationError

M = TypeVar("M", bound=BaseModel)


def load_toml(path: Path, model: type[M]) -> M:
    """Read a file.

    Raises:
        ConfigurationError: if it cannot be read or is not valid, naming every fault.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {type(error).__name__}.") from None
    return parse_toml(text, model, name=path.name)


def parse_toml(text: str, model: type[M], *, name: str) -> M:
    """Parse and validate the text of a file.

    Args:
        text: TOML.
        model: what it has to be.
        name: of the file, for errors.

    Raises:
        ConfigurationError: naming every fault with its field and line.
    """
    try:
        return model.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{name} is not TOML: {error}.") from None
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc']))} ({_place(text, fault['loc'])}): {fault['msg']}"
            for fault in error.errors()
        )
        raise ConfigurationError(f"{name} is not valid: {faults}.") from None


def _place(text: str, field: tuple[int | str, ...]) -> str:
    """The line on which a field is set, or its table begins if it stands inside a value."""
    table: list[str] = []
    best, depth = 0, 0
    names = [str(part) for part in field]
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[+\s*([^\]#]+?)\s*\]", line)
        key = re.match(r"""\s*(["'\w.-]+)\s*=""", line)
        if header:
            table = _parts(header[1])
            path = table
        elif key:
            path = table + _parts(key[1])
        else:
            continue
        if len(path) > depth and names[: len(path)] == path:
            best, depth = number, len(path)
    return f"line {best}" if best else "not in the file"


def _parts(dotted: str) -> list[str]:
    return [part.strip().strip("\"'") for part in dotted.split(".")]
