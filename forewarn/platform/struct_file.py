"""A TOML file that is read into a struct and checked; every fault is named with its place."""

import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from forewarn.errors import ConfigurationError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StructFile(Generic[T]):
    """How one kind of file is read.

    ``name`` and ``verb`` begin its errors ("The routing file", "is"), ``setting`` is the variable that
    names the file, ``check`` the command that checks one, and ``faults`` what the types cannot say.
    """

    struct: type[T]
    name: str
    setting: str
    check: str
    faults: Callable[[T], Iterable[str]]
    verb: str = "is"

    def load(self, path: Path) -> T:
        """Read a file; raises ConfigurationError naming every fault."""
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                f"{self.name} {path} cannot be read: {type(error).__name__}.",
                hint=f"Check {self.setting}.",
            ) from None
        return self.parse(text)

    def parse(self, text: str) -> T:
        """Parse and check the text of a file; raises ConfigurationError naming every fault."""
        try:
            found = msgspec.convert(tomllib.loads(text), self.struct)
        except tomllib.TOMLDecodeError as error:
            raise self._invalid([f"it is not TOML: {error}"]) from None
        except (msgspec.ValidationError, RecursionError) as error:
            raise self._invalid([str(error)]) from None
        faults = list(self.faults(found))
        if faults:
            raise self._invalid(faults)
        return found

    def _invalid(self, faults: list[str]) -> ConfigurationError:
        return ConfigurationError(
            f"{self.name} {self.verb} not valid: {'; '.join(faults)}.",
            hint=f"Check with `{self.check}`.",
        )
