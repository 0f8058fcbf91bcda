"""Counts of what became of every line of a file; they add up, or the run fails."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo

from forewarn.replay.reversal_check import ReversalCheck

LINES_SHOWN = 20


@dataclass(slots=True)
class BadKind:
    """Bad rows with one reason."""

    rows: int = 0
    lines: list[int] = field(default_factory=list)
    repair: str = ""


@dataclass(slots=True)
class FileTally:
    """Counts of one file.

    Attributes:
        file: its name.
        lines: physical lines; of a Parquet file its rows.
        before: lines before the rows (titles and header).
        head: the text of these lines, for files of rejected rows.
        blank: empty lines.
        continued: lines that a quoted cell of an earlier line goes on in.
        event_rows: rows that gave events.
        joined: rows whose cells went into another row's events.
        same_as: rows that follow another one, by what was found; each is counted elsewhere too.
        passed: rows that were passed over, by rule.
        bad: rows that are wrong, by reason.
        events: events, by type.
        first_ms: of the events.
        last_ms: of the events.
        reversals: identifiers of transfers and of what takes them back.
    """

    file: str
    lines: int = 0
    before: int = 0
    head: list[str] = field(default_factory=list)
    blank: int = 0
    continued: int = 0
    event_rows: int = 0
    joined: int = 0
    same_as: Counter[str] = field(default_factory=Counter)
    passed: Counter[str] = field(default_factory=Counter)
    bad: dict[str, BadKind] = field(default_factory=dict)
    events: Counter[str] = field(default_factory=Counter)
    first_ms: int | None = None
    last_ms: int | None = None
    reversals: ReversalCheck | None = None

    @property
    def bad_rows(self) -> int:
        """Rows that are wrong, whatever the reason."""
        return sum(kind.rows for kind in self.bad.values())

    @property
    def gives_nothing(self) -> bool:
        """Whether the file has rows, none of them is bad, and yet none became an event."""
        return bool(self.passed_rows) and not self.bad_rows and not self.events.total()

    @property
    def passed_rows(self) -> int:
        """Rows that were passed over, whatever the rule."""
        return self.passed.total()

    @property
    def rows(self) -> int:
        """Rows of the file."""
        return self.event_rows + self.joined + self.passed_rows + self.bad_rows

    @property
    def missing(self) -> int:
        """Lines that are in no count: not 0 is a fault of the reader."""
        return self.lines - self.before - self.blank - self.continued - self.rows

    def count_bad(self, line: int, reason: str, repair: str) -> None:
        """One bad row more."""
        kind = self.bad.setdefault(reason, BadKind(repair=repair))
        kind.rows += 1
        if len(kind.lines) < LINES_SHOWN:
            kind.lines.append(line)

    def refuse(self, line: int, kind: str, reason: str, repair: str, *, first: bool) -> None:
        """One event less: what its row gave was refused after all.

        Args:
            line: of the row.
            kind: of the event.
            reason: why.
            repair: what to do about it.
            first: whether no other event of the row was refused before.
        """
        self.events[kind] -= 1
        if first:
            self.event_rows -= 1
            self.count_bad(line, reason, repair)

    def count_time(self, time_ms: int) -> None:
        """Widen the period of the file."""
        self.first_ms = time_ms if self.first_ms is None else min(self.first_ms, time_ms)
        self.last_ms = time_ms if self.last_ms is None else max(self.last_ms, time_ms)

    def as_json(self, zone: tzinfo) -> dict[str, object]:
        """The counts for ``--summary``; times are local and name their offset."""
        return {
            "file": self.file,
            "lines": self.lines,
            "lines_before_the_rows": self.before,
            "blank_lines": self.blank,
            "continued_lines": self.continued,
            "rows": self.rows,
            "event_rows": self.event_rows,
            "joined_rows": self.joined,
            "same_as": dict(self.same_as),
            "skipped_rows": self.passed_rows,
            "passed_over": dict(self.passed),
            "bad_rows": self.bad_rows,
            "bad": [
                {"reason": reason, "rows": kind.rows, "lines": kind.lines, "repair": kind.repair}
                for reason, kind in sorted(self.bad.items(), key=lambda pair: -pair[1].rows)
            ],
            "events": dict(self.events),
            "first_event": local(self.first_ms, zone),
            "last_event": local(self.last_ms, zone),
        }


def local(time_ms: int | None, zone: tzinfo) -> str | None:
    """A time for people, in their zone and with its offset."""
    if time_ms is None:
        return None
    moment = datetime.fromtimestamp(time_ms / 1000, UTC).astimezone(zone)
    return moment.isoformat(sep=" ", timespec="seconds")
