"""One run of ``forewarn replay``: checks files, lists or sends their events, and keeps the counts."""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
from kafka.errors import KafkaError

from forewarn.cli.replay_report import RejectedRows, Reporter
from forewarn.contracts.topics import qualified
from forewarn.errors import ForewarnError
from forewarn.platform.kafka import TopicAdministration, explained
from forewarn.platform.settings import KafkaSettings, load
from forewarn.replay import BadRow, EventSender, Mapping, Progress, Ready, Tally, in_order, paced
from forewarn.replay.batch_producer import BatchProducer
from forewarn.replay.column_mapping import NO_RULE
from forewarn.replay.event_listing import EventListing
from forewarn.replay.event_order import checked
from forewarn.replay.file_events import with_texts
from forewarn.replay.file_tally import FileTally
from forewarn.replay.original_rows import OriginalRows, find_originals
from forewarn.replay.repeated_ids import RepeatedIds
from forewarn.replay.reversal_check import ADVICE, without_original

Item = Ready | BadRow


class ReplayRun:
    """Files with their mappings, and the counts of what became of their rows.

    Args:
        files: each with its mapping.
        skip: for each file, how many of its items an earlier run has sent; none if empty.
        sort: sort whole files on disk.
    """

    def __init__(
        self, files: Sequence[tuple[Path, Mapping]], *, skip: Sequence[int], sort: bool
    ) -> None:
        self.files, self._skip, self._sort = files, skip, sort
        self.tallies = [FileTally(path.name) for path, _ in files]
        self.ids = RepeatedIds()
        self.tally = Tally(Progress(list(skip) or [0] * len(files)))
        self.zones = [ZoneInfo(mapping.file.zone or "UTC") for _, mapping in files]
        self._stage = "looking for the originals of rows"
        self._reading: list[FileTally] = []
        self._refused_rows: dict[int, dict[int, BadRow]] = {}

    @property
    def paths(self) -> list[Path]:
        """The files without their mappings."""
        return [path for path, _ in self.files]

    def check(self, reporter: Reporter, rejected: RejectedRows) -> None:
        """Read and convert every file."""
        originals = self._originals(reporter, self.tallies)
        checked(
            self.files, self.tallies, sort=self._sort, watch=reporter.checking, on_run=reporter.tick,
            on_bad=lambda row: _count(row, reporter, rejected), originals=originals, ids=self.ids,
        )  # fmt: skip

    def _originals(self, reporter: Reporter, checking: list[FileTally]) -> OriginalRows:
        found = find_originals(self.files, watch=reporter.checking, on_rows=reporter.tick)
        reporter.begin()
        self._stage, self._reading = "checking", checking
        return found

    def list_events(
        self, listing: EventListing, reporter: Reporter, rejected: RejectedRows
    ) -> None:
        """Read and convert every file, and write its events in the order of their time."""
        originals = self._originals(reporter, self.tallies)
        items = in_order(
            self.files, tallies=self.tallies, sort=self._sort, watch=reporter.checking,
            originals=originals, ids=self.ids,
        )  # fmt: skip
        for item in items:
            _count(item, reporter, rejected)
            if isinstance(item, Ready):
                listing.add(item)

    def send(self, speed: float, reporter: Reporter, rejected: RejectedRows) -> None:
        """Check every file, then send its events.

        Args:
            speed: times event time; 0 is as fast as Kafka takes them.
            reporter: shows progress.
            rejected: gets the bad rows.
        """
        checking = [FileTally(path.name) for path in self.paths]
        originals = self._originals(reporter, checking)
        checked(
            self.files, checking, sort=self._sort, watch=reporter.checking, on_run=reporter.tick,
            originals=originals, ids=self.ids,
        )  # fmt: skip
        reporter.begin()
        self._stage, self._reading = "sending", self.tallies
        items = in_order(
            self.files, skip=self._skip, tallies=self.tallies, sort=self._sort,
            watch=reporter.sending, originals=originals,
        )  # fmt: skip
        timed = paced(items, speed, now_seconds=time.monotonic, sleep=time.sleep)
        self._produce(timed, reporter, rejected)

    def _produce(self, items: Iterator[Item], reporter: Reporter, rejected: RejectedRows) -> None:
        settings = load(KafkaSettings)
        topics = set().union(*(mapping.topics for _, mapping in self.files))
        with TopicAdministration(settings) as administration:
            # A producer would wait for its whole timeout for a topic that does not exist.
            administration.require(qualified(name, settings) for name in {*topics, "dead-letters"})
        with explained(settings):
            producer = BatchProducer(settings)
        try:
            EventSender(
                producer, settings, self.tally, files=[path.name for path in self.paths], now_ms=_now_ms,
                on_item=lambda item: _count(item, reporter, rejected),
                on_refusal=lambda event, row: self._refused(event, row, reporter),
            ).send(items)  # fmt: skip
        except (ForewarnError, KeyboardInterrupt):
            with suppress(KafkaError):  # what is under way may still arrive, and counts then
                producer.flush(timeout=settings.request_timeout_seconds)
            if self._handed_over:
                line = where_to_go_on(self.paths, self.tally.progress, sort=self._sort)
                print(line, file=sys.stderr)  # noqa: T201
            raise
        finally:
            producer.close(timeout=settings.request_timeout_seconds)
            self._reject_refused(rejected)

    def _refused(self, event: Ready, row: BadRow, reporter: Reporter) -> None:
        """Take an event that Kafka refused out of the counts."""
        reporter.count(row)
        refused = self._refused_rows.setdefault(row.source, {})
        kind = msgspec.json.decode(event.value)["type"]
        first = refused.setdefault(row.line, row) is row
        self.tallies[row.source].refuse(row.line, kind, row.reason, row.repair, first=first)

    def _reject_refused(self, rejected: RejectedRows) -> None:
        for source, rows in self._refused_rows.items():
            for row in with_texts(*self.files[source], rows):
                rejected.add(row)

    @property
    def _handed_over(self) -> int:
        return self.tally.total + self.tally.bad_rows

    def stopped(self) -> str:
        """Where the run was when it was interrupted."""
        begun = [each for each in self._reading if each.lines]
        place = f", at line {begun[-1].lines:,} of {begun[-1].file}" if begun else ""
        if self._handed_over:
            return f"stopped while {self._stage}{place}"
        bad = sum(each.bad_rows for each in self._reading)
        return f"stopped while {self._stage}{place}: {bad:,} bad rows so far; nothing was sent"

    def write_summary(self, path: Path, *, check_only: bool) -> None:
        """Write the counts of every file as JSON."""
        found = {
            "check_only": check_only,
            "files": [
                each.as_json(zone)
                | {"repeated_ids": dict(zip(("events", "lines"), self.ids.of(source), strict=True))}
                for source, (each, zone) in enumerate(zip(self.tallies, self.zones, strict=True))
            ],
            "events": sum(each.events.total() for each in self.tallies),
            "bad_rows": self.bad_rows,
            "skipped_rows": sum(each.passed_rows for each in self.tallies),
            "reversals_without_original": self.lone_reversals[0],
            "notes": self.notes,
        }
        path.write_text(json.dumps(found, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")

    @property
    def lone_reversals(self) -> tuple[int, str]:
        """Reversals whose transfer has no other row in these files, and the column that names it."""
        return without_original([each.reversals for each in self.tallies if each.reversals])

    @property
    def notes(self) -> list[str]:
        """What a person should look at although no row is bad."""
        found = []
        for tally, (_, mapping) in zip(self.tallies, self.files, strict=True):
            if not tally.rows:
                found.append(f"{tally.file}: the file has no rows.")
            if tally.gives_nothing:
                ((rule, count),) = tally.passed.most_common(1)
                line = f"{tally.file}: no row became an event; {count:,} of {tally.rows:,} rows: {rule}."
                found.append(line + (f" {mapping.conditions}" if rule == NO_RULE else ""))
        count, column = self.lone_reversals
        if count:
            line = f"reversals of a transfer of which these files hold no other row: {count:,}."
            found.append(f"{line} {ADVICE.format(column=column)}")
        return found

    @property
    def failed(self) -> bool:
        """Whether a row was bad, an identifier stands twice, a file fitted no rule, or nothing became an event."""
        nothing = [each for each in self.tallies if each.gives_nothing]
        unfit = any(NO_RULE in each.passed for each in nothing)
        return bool(
            self.bad_rows
            or self.ids.events
            or unfit
            or (nothing and len(nothing) == len(self.tallies))
        )

    @property
    def bad_rows(self) -> int:
        """Rows that could not be converted."""
        return sum(each.bad_rows for each in self.tallies)

    def closing_line(self, seconds: float, *, check_only: bool) -> str:
        """Events by topic, bad rows, and rows a second."""
        sent = _by_topic(self.tallies) if check_only else self.tally.sent
        counts = ", ".join(f"{count:,} to {topic}" for topic, count in sorted(sent.items()))
        verb = "would be sent" if check_only else "sent"
        rows = sum(each.rows for each in self.tallies)
        return (
            f"{sum(sent.values()):,} events {verb} ({counts or 'none'}), {self.bad_rows:,} bad rows, "
            f"{seconds:.1f} s, {rows / max(seconds, 1e-9):,.0f} rows/s"
        )


def _count(item: Item, reporter: Reporter, rejected: RejectedRows) -> None:
    reporter.count(item)
    if isinstance(item, BadRow):
        rejected.add(item)


def _by_topic(tallies: list[FileTally]) -> dict[str, int]:
    found: dict[str, int] = {}
    for each in tallies:
        for kind, count in each.events.items():
            topic = "transfers" if kind == "transfer" else "calls"
            found[topic] = found.get(topic, 0) + count
    return found


def where_to_go_on(files: Sequence[Path], progress: Progress, *, sort: bool = False) -> str:
    """How far a run came that was cut short, and the options that go on from there."""
    done = progress.done
    each = ", ".join(f"{count:,} of {file.name}" for file, count in zip(files, done, strict=True))
    options = " ".join(f"--skip {count}" for count in done) + (" --sort" if sort else "")
    line = f"acknowledged: {each}. Go on with the same files and {options}"
    if progress.beyond:
        line += f"; {progress.beyond:,} later ones were acknowledged too and will count twice"
    return line


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
