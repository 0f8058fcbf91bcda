"""The resulting events as a file that people can look at, each with the line it came from."""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import msgspec

from forewarn.contracts import CallEvent, Transfer
from forewarn.replay.file_events import Ready
from forewarn.replay.phone_numbers import valid

_NUMBERS = ("subscriber", "caller", "callee", "forwarded_to")
_calls = msgspec.json.Decoder(CallEvent)
_transfers = msgspec.json.Decoder(Transfer)


class EventListing:
    """Writes events as JSON Lines of ``file``, ``line`` and ``event``, with every field spelt out.

    ``doubtful`` names the fields whose number no numbering plan knows: that is no reason to drop a call.

    Args:
        path: of the file; None: nothing is written.
        files: names by the ``source`` of the events.
    """

    def __init__(self, path: Path | None, files: Sequence[Path]) -> None:
        self._path, self._names = path, [file.name for file in files]
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        if self._path is not None:
            self._file = self._path.open("wb")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, item: Ready) -> None:
        """Write one event."""
        if self._file is None:
            return
        event = (_transfers if item.topic == "transfers" else _calls).decode(item.value)
        fields = msgspec.structs.asdict(event)
        found: dict[str, Any] = {
            "file": self._names[item.source],
            "line": item.line,
            "event": {"type": event.__struct_config__.tag, **fields},
        }
        doubtful = [name for name in _NUMBERS if fields.get(name) and not valid(fields[name])]
        if doubtful:
            found["doubtful"] = doubtful
        self._file.write(msgspec.json.encode(found) + b"\n")
