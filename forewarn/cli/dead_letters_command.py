"""``forewarn dead-letters list|replay``: what was rejected, and sending it again."""

import base64
import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Annotated

import typer
from kafka import KafkaProducer
from rich.table import Column, Table
from rich.text import Text

from forewarn.cli.terminal_table import print_table
from forewarn.contracts import DeadLetter
from forewarn.contracts.topics import topic_specs
from forewarn.platform.kafka import TopicAdministration, client_arguments, explained
from forewarn.platform.kafka.dead_letter_replay import (
    DeadLetterReplay,
    DeadLetters,
    Filed,
    ReplayCounts,
)
from forewarn.platform.settings import KafkaSettings, load

app = typer.Typer(no_args_is_help=True, help="List rejected records and send them again.")

Reason = Annotated[str | None, typer.Option(help="Only dead letters with this reason.")]


@app.command("list")
def list_(
    reason: Reason = None,
    start: Annotated[int, typer.Option("--from", min=0, help="First offset.")] = 0,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 100,
    show_value: Annotated[
        bool, typer.Option("--show-value", help="Show the bytes; they hold phone numbers.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON Lines.")] = False,
) -> None:
    """List dead letters, oldest first, and count them by reason."""
    counts: Counter[str] = Counter()
    shown: list[Filed] = []
    with DeadLetters(load(KafkaSettings)) as dead:
        for filed in dead.read(start):
            if reason in (None, filed.reason):
                counts[filed.reason] += not filed.is_marker
                if counts.total() > limit:
                    continue
                if as_json:
                    typer.echo(json.dumps(_document(filed, show_value), ensure_ascii=False))
                else:
                    shown.append(filed)
    if not as_json:
        lines = (_line(filed, show_value) for filed in shown)
        print_table(dead_letter_table(shown, show_value=show_value), lines)
        summary = ", ".join(f"{count:,} {reason}" for reason, count in (+counts).most_common())
        typer.echo(f"{counts.total():,} dead letters{': ' if summary else ''}{summary}")


@app.command()
def replay(
    reason: Reason = None,
    offset: Annotated[
        list[int] | None,
        typer.Option(help="Only the dead letter at this offset; may be given several times."),
    ] = None,
    start: Annotated[
        int | None,
        typer.Option("--from", min=0, help="First offset, instead of the one remembered."),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Also those that an earlier replay has sent.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count, but send nothing.")] = False,
) -> None:
    """Send dead letters to the topics they came from.

    How far it came is marked in the topic of dead letters after every 500, so that the next replay
    goes on there; one that is cut short may send up to 500 again. A choice by --offset or --reason
    marks nothing. Passed over: rows of files (correct the file and replay it), records of 256 KiB or
    more (only their beginning was kept), and what is no dead letter of this installation.
    """
    settings = load(KafkaSettings)
    chosen = set(offset or [])
    selective = bool(chosen) or reason is not None
    with DeadLetters(settings) as dead:
        remembered = 0 if every or selective else dead.replayed_up_to()
        if start is None:
            start = min(chosen, default=remembered)
        found = (
            filed
            for filed in dead.read(start)
            if reason in (None, filed.reason) and (not chosen or filed.offset in chosen)
        )
        if dry_run:
            tally = ReplayCounts()
            for filed in found:
                tally.sent += filed.replayable
                tally.passed_over += not filed.replayable and not filed.is_marker
            typer.echo(f"{tally.sent:,} would be sent, {tally.passed_over:,} passed over")
            return
        # Marks say that nothing before them is left, so a replay that began later sets none.
        mark = not selective and start <= remembered
        tally = _send(found, settings, mark=mark)
    typer.echo(f"{tally.sent:,} sent again, {tally.passed_over:,} passed over")


def _send(letters: Iterator[Filed], settings: KafkaSettings, *, mark: bool) -> ReplayCounts:
    with TopicAdministration(settings) as administration:
        administration.require(spec.name for spec in topic_specs(settings).values())
    with explained(settings):
        producer = KafkaProducer(
            **client_arguments(settings),
            acks="all",
            max_block_ms=int(settings.request_timeout_seconds * 1000),
            # An idempotent producer is dead for every topic once one record is refused, so it could not send the
            # mark. One request at a time keeps the order; readers know a repetition by its event id.
            enable_idempotence=False,
            max_in_flight_requests_per_connection=1,
        )
    try:
        return DeadLetterReplay(producer, settings, mark=mark, now_ms=_now_ms).run(letters)
    finally:
        producer.close(timeout=settings.request_timeout_seconds)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def dead_letter_table(shown: Iterable[Filed], *, show_value: bool = False) -> Table:
    """Dead letters as a table for a terminal."""
    table = Table(Column("offset", justify="right"), "rejected", "reason", "source", "detail")
    if show_value:
        table.add_column("value")
    for filed in shown:
        # Text, not markup: the details quote what a stranger sent.
        table.add_row(*(Text(cell) for cell in _cells(filed, show_value)))
    return table


def _cells(filed: Filed, show_value: bool) -> tuple[str, ...]:
    letter = filed.letter
    if letter is None:
        return (str(filed.offset), "-", filed.reason, "-", "no dead letter of Forewarn")
    when = datetime.fromtimestamp(letter.rejected_at_ms / 1000, UTC).isoformat(timespec="seconds")
    where = f"{letter.topic}/{letter.partition}@{letter.offset}"
    value = (_value(letter),) if show_value else ()
    return (str(filed.offset), when, letter.reason, where, letter.detail, *value)


def _line(filed: Filed, show_value: bool) -> str:
    offset, when, reason, where, detail, *value = _cells(filed, show_value)
    if filed.letter is None:
        return f"{offset:>6}  {when:<25}  {reason:<18} {detail}"
    line = f"{offset:>6}  {when}  {reason:<18} {where}  {detail}"
    return "\n        ".join([line, *value])


def _document(filed: Filed, show_value: bool) -> dict[str, str | int]:
    letter = filed.letter
    if letter is None:
        return {"offset": filed.offset, "reason": filed.reason}
    found: dict[str, str | int] = {
        "offset": filed.offset,
        "reason": letter.reason,
        "detail": letter.detail,
        "topic": letter.topic,
        "source_partition": letter.partition,
        "source_offset": letter.offset,
        "rejected_at_ms": letter.rejected_at_ms,
    }
    return found | ({"value": _value(letter)} if show_value else {})


def _value(letter: DeadLetter) -> str:
    return base64.b64decode(letter.value).decode(errors="backslashreplace")
