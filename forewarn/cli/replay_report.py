"""Output of ``forewarn replay``: progress while it runs, and the counts of rows at the end."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from forewarn.platform.files.byte_stream import CountedFile, kind_of
from forewarn.replay import BadRow, Mapping, Ready
from forewarn.replay.file_tally import FileTally, local
from forewarn.replay.repeated_ids import RepeatedIds

SHOWN_BAD_ROWS = 20
"""Further ones are counted by reason; all of them are in the dead letters."""

_REFRESH_SECONDS = 0.25
_COUNTED_AT_ONCE = 512


class Reporter:
    """A bar by the bytes read of all files, with events a second and the time left.

    Args:
        files: whose sizes make the whole.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self._size = sum(file.stat().st_size for file in files if file.is_file())
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(),
            TextColumn("{task.fields[rate]}"), TimeRemainingColumn(),
            console=Console(stderr=True), transient=True, refresh_per_second=4, disable=not sys.stderr.isatty(),
        )  # fmt: skip
        self._task = self._progress.add_task("checking", total=max(self._size, 1), rate="")
        self._open: list[CountedFile] = []
        self._items = self._bad = 0
        self._began = self._shown = time.monotonic()

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def checking(self, file: CountedFile) -> None:
        """A file is opened to be checked."""
        self._open.append(file)

    def sending(self, file: CountedFile) -> None:
        """A file is opened to be sent."""
        self._open.append(file)

    def begin(self) -> None:
        """Begin to show sending, after every file has been checked."""
        self._open, self._began = [], time.monotonic()

    def tick(self, rows: int) -> None:
        """Count rows that have been read."""
        self._refresh("checking", rows, "rows/s")

    def count(self, item: Ready | BadRow) -> None:
        """Count an item that was sent or checked."""
        if isinstance(item, BadRow):
            self._bad += 1
            if self._bad <= SHOWN_BAD_ROWS:
                self._say(f"bad row {item}")
            if self._bad == SHOWN_BAD_ROWS:
                self._say("further bad rows are only counted here")
            return
        self._items += 1
        if self._items % _COUNTED_AT_ONCE == 0:
            self._refresh("sending", self._items, "events/s")

    def _say(self, line: str) -> None:
        if self._progress.disable:
            print(line, file=sys.stderr)  # noqa: T201  this is the command line
        else:
            self._progress.console.print(line, markup=False, highlight=False)

    def _refresh(self, what: str, count: int, unit: str) -> None:
        now = time.monotonic()
        if self._progress.disable or now - self._shown < _REFRESH_SECONDS:
            return
        self._shown = now
        self._progress.update(
            self._task,
            completed=sum(file.bytes_read for file in self._open),
            description=what,
            rate=f"{count / max(now - self._began, 1e-9):,.0f} {unit}",
        )


class RejectedRows:
    """Writes the bad rows of each file as they stand, in files that can be corrected and replayed.

    Args:
        folder: where to; None: nothing is written.
        files: with their mappings.
        tallies: of the files; they hold the lines before the rows.
    """

    def __init__(
        self,
        folder: Path | None,
        files: Sequence[tuple[Path, Mapping]],
        tallies: Sequence[FileTally],
    ) -> None:
        self._folder, self._files, self._tallies = folder, files, tallies
        self._open: dict[int, IO[str]] = {}
        self.paths: list[Path] = []

    def __enter__(self) -> Self:
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for file in self._open.values():
            file.close()

    def add(self, row: BadRow) -> None:
        """Write one row."""
        if self._folder is None:
            return
        if row.source not in self._open:
            self._open[row.source] = self._made(self._folder, row.source)
        self._open[row.source].write(row.text + "\n")

    def _made(self, folder: Path, source: int) -> IO[str]:
        path, mapping = self._files[source]
        kind = kind_of(path)
        head = self._tallies[source].head
        stem = path.name[: path.name.lower().rfind(kind)] if kind else path.name
        target = (
            folder / f"{stem}.rejected{kind if head or kind in ('.jsonl', '.ndjson') else '.jsonl'}"
        )
        self.paths.append(target)
        encoding = mapping.file.encodings[0] if head else "utf-8"
        file = target.open("w", encoding=encoding, errors="backslashreplace", newline="\n")
        file.writelines(line + "\n" for line in head)
        return file


def print_summary(
    tallies: Sequence[FileTally],
    zones: Sequence[ZoneInfo],
    rejected: RejectedRows,
    ids: RepeatedIds,
) -> None:
    """What became of the lines of each file, and the bad rows by reason."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    for source, (tally, zone) in enumerate(zip(tallies, zones, strict=True)):
        parts = [
            f"{tally.before:,} before the rows", f"{tally.blank:,} blank", f"{tally.continued:,} within cells",
            f"{tally.event_rows:,} with events", f"{tally.joined:,} joined to others",
            f"{tally.passed_rows:,} passed over", f"{tally.bad_rows:,} bad",
        ]  # fmt: skip
        shown = [part for part in parts if not part.startswith("0 ")]
        console.print(
            f"{tally.file}: {tally.lines:,} lines = {' + '.join(shown) or 'none'}", markup=False
        )
        if tally.first_ms is not None:
            first, last = local(tally.first_ms, zone), local(tally.last_ms, zone)
            console.print(f"  events from {first} to {last} ({zone.key})", markup=False)
        for rule, count in tally.same_as.most_common():
            console.print(f"  same as another row: {count:,} ({rule})", markup=False)
        for rule, count in tally.passed.most_common():
            console.print(f"  passed over: {count:,} ({rule})", markup=False)
        if tally.bad:
            console.print(_bad_rows(tally))
        if line := _repeated_ids(*ids.of(source)):
            console.print(line, markup=False)
    for path in rejected.paths:
        console.print(
            f"rejected rows are in {path}: correct them there and replay that file", markup=False
        )


def _repeated_ids(events: int, lines: list[int]) -> str:
    """A line about identifiers that stand twice, if there are any."""
    if not events:
        return ""
    shown = ", ".join(map(str, lines[:8])) + (", ..." if events > 8 else "")
    return (
        f"  an event_id stands twice, with other content: {events:,} events (lines {shown}). The stream keeps the "
        "first and drops the others as redeliveries: make event_id of more columns with template, or say "
        "identity in the mapping"
    )


def _bad_rows(tally: FileTally) -> Table:
    table = Table(
        "rows", "reason", "lines", "repair", title=f"bad rows of {tally.file}", title_justify="left"
    )
    for reason, kind in sorted(tally.bad.items(), key=lambda pair: -pair[1].rows):
        lines = ", ".join(map(str, kind.lines[:8])) + (", ..." if kind.rows > 8 else "")
        table.add_row(f"{kind.rows:,}", reason, lines, kind.repair)
    return table
