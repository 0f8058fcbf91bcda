"""``forewarn dead-letters list|replay``: what was rejected, and sending it again."""

import base64
import json
from collections import Counter
from datetime import UTC, datetime
from typing import Annotated

import typer
from kafka import KafkaProducer

from forewarn.kafka import client_arguments
from forewarn.kafka.deadletters import DeadLetters, Filed, send_again
from forewarn.settings import KafkaSettings, load

app = typer.Typer(no_args_is_help=True, help="List rejected records and send them again.")

Reason = Annotated[str | None, typer.Option(help="Only those with this reason.")]


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
    with DeadLetters(load(KafkaSettings)) as dead:
        for filed in dead.read(start):
            if reason in (None, filed.letter.reason):
                counts[filed.letter.reason] += 1
                if counts.total() <= limit:
                    typer.echo(_line(filed, show_value=show_value, as_json=as_json))
    if not as_json:
        summary = ", ".join(f"{count:,} {reason}" for reason, count in counts.most_common())
        typer.echo(f"{counts.total():,} dead letters{': ' if counts else ''}{summary}")


@app.command()
def replay(
    reason: Reason = None,
    offset: Annotated[
        list[int] | None, typer.Option(help="Only this one; may be given several times.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Also those that an earlier replay has sent.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count, but send nothing.")] = False,
) -> None:
    """Send dead letters to the topics they came from.

    Without --offset and --reason, how far the replay came is remembered, so that the next one
    goes on there. Rows of files are passed over: mend the file and replay it instead.
    """
    settings = load(KafkaSettings)
    chosen = set(offset or [])
    selective = bool(chosen) or reason is not None
    with DeadLetters(settings) as dead:
        start = 0 if every or selective else dead.replayed_up_to()
        found = [
            filed
            for filed in dead.read(start)
            if reason in (None, filed.letter.reason) and (not chosen or filed.offset in chosen)
        ]
        rows = sum(not filed.replayable for filed in found)
        if dry_run:
            typer.echo(f"{len(found) - rows:,} would be sent, {rows:,} rows of files passed over")
            return
        producer = KafkaProducer(**client_arguments(settings), acks="all")
        try:
            count = send_again(found, producer)
        finally:
            producer.close()
        if found and not selective:
            dead.mark_replayed(found[-1].offset)
    typer.echo(f"{count:,} sent again, {rows:,} rows of files passed over")


def _line(filed: Filed, *, show_value: bool, as_json: bool) -> str:
    letter = filed.letter
    value = base64.b64decode(letter.value).decode(errors="backslashreplace") if show_value else ""
    if as_json:
        return json.dumps(
            {
                "offset": filed.offset,
                "reason": letter.reason,
                "detail": letter.detail,
                "topic": letter.topic,
                "source_partition": letter.partition,
                "source_offset": letter.offset,
                "rejected_at_ms": letter.rejected_at_ms,
            }
            | ({"value": value} if show_value else {}),
            ensure_ascii=False,
        )
    when = datetime.fromtimestamp(letter.rejected_at_ms / 1000, UTC).isoformat(timespec="seconds")
    where = f"{letter.topic}/{letter.partition}@{letter.offset}"
    line = f"{filed.offset:>6}  {when}  {letter.reason:<18} {where}  {letter.detail}"
    return f"{line}\n        {value}" if show_value else line
