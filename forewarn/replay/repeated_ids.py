"""Events that bear the identifier of an earlier event and say something else."""

from dataclasses import dataclass, field
from typing import Any

import msgspec
import polars as pl

from forewarn.replay.mapping_file import AnyEvent
from forewarn.replay.seen_keys import SeenKeys

IDS_REMEMBERED = 4_000_000
"""Events whose identifiers are compared; beyond, the older half is forgotten. At most 64 MB."""

LINES_SHOWN = 20

CONTENT = {
    "call_started": ("event_time_ms", "subscriber", "call_id", "caller", "callee"),
    "call_ended": ("event_time_ms", "subscriber", "call_id", "caller", "callee", "duration_ms"),
    "line_changed": ("event_time_ms", "subscriber", "setting"),
    "transfer": (
        "event_time_ms", "subscriber", "transfer_id", "status", "payer_account", "payee_account", "amount_minor",
    ),
}  # fmt: skip
"""Fields of each kind of event that distinguish two events with one identifier."""


@dataclass(slots=True)
class _Found:
    events: int = 0
    lines: list[int] = field(default_factory=list)


class RepeatedIds:
    """Finds identifiers that repeat with other content: on the stream the second event counts as a redelivery.

    A redelivery, with the same content, is no fault and is not counted.
    """

    def __init__(self) -> None:
        self._ids, self._events = SeenKeys(IDS_REMEMBERED), SeenKeys(IDS_REMEMBERED)
        self._found: dict[int, _Found] = {}

    def look_at(self, source: int, marks: pl.DataFrame, lines: pl.Series) -> None:
        """Compare events with all earlier ones.

        Args:
            source: position of their file among the files.
            marks: ``id`` and ``content`` of each event, of :func:`marks_of`.
            lines: where each stands.
        """
        again = self._ids.repeated(marks.select("id"))
        same = self._events.repeated(marks)
        other = again & ~same
        if not other.any():
            return
        found = self._found.setdefault(source, _Found())
        found.events += int(other.sum())
        room = LINES_SHOWN - len(found.lines)
        found.lines += lines.filter(other).head(room).to_list()

    def of(self, source: int) -> tuple[int, list[int]]:
        """Number of such events of a file, and the first of their lines."""
        found = self._found.get(source, _Found())
        return found.events, found.lines

    @property
    def events(self) -> int:
        """Such events of all files."""
        return sum(found.events for found in self._found.values())


def marks_of(kind: str, frame: pl.DataFrame) -> pl.DataFrame:
    """What :meth:`RepeatedIds.look_at` compares, of columns of fields."""
    content = frame.select(CONTENT[kind]).hash_rows(seed=0).alias("content")
    return pl.DataFrame([frame["event_id"].alias("id"), content])


def marks_of_events(events: list[AnyEvent]) -> pl.DataFrame:
    """The same, of events one by one."""
    found = []
    for event in events:
        kind = str(event.__struct_config__.tag)
        fields: dict[str, Any] = msgspec.structs.asdict(event)
        names = ("event_id", *CONTENT[kind])
        types = {name: pl.Int64 if isinstance(fields[name], int) else pl.String for name in names}
        found.append(marks_of(kind, pl.DataFrame([{n: fields[n] for n in names}], types)))
    return pl.concat(found)
