"""``forewarn decide ...``: run the decision service, make keys for banks."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from forewarn.platform.settings import DecideSettings, LogSettings, load
from forewarn.platform.words import Language
from forewarn.telemetry import logs
from streams.decisions.bank_keys import load_keys, new_key

app = typer.Typer(no_args_is_help=True, help="Answer banks while a payment waits.")


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
) -> None:
    """Run one replica of the decision service until SIGTERM."""
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = load(DecideSettings, **given)
    log = load(LogSettings)
    logs.configure(log.level, log.format)
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    from streams.decisions.replica_composition import run_replica  # noqa: PLC0415 - seconds to import, after the logs

    run_replica(settings, tell=typer.echo)


@app.command()
def key(
    name: Annotated[str, typer.Argument(help="Name of the bank, for the log.")],
    tenant: Annotated[
        list[str] | None, typer.Option(help="May be given several times; `default` if none is.")
    ] = None,
    purpose: Annotated[
        list[str] | None,
        typer.Option(help="decide, line_status or what_if; may be given several times."),
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=3660, help="Until it expires.")] = 365,
    per_second: Annotated[float, typer.Option(min=0.1, help="Requests of each kind.")] = 100.0,
    language: Annotated[
        Language | None, typer.Option(help="Language of answers to requests that name none.")
    ] = None,
) -> None:
    """Make a key: it is shown once, its entry goes into the keys file."""
    expires = datetime.now(UTC).date() + timedelta(days=days)
    made, entry = new_key(
        name, tenant or ["default"], purpose or ["decide"], expires, per_second, language
    )
    typer.echo(f"# Give this key to the bank; it cannot be shown again: {made}")
    typer.echo("# Add these lines to the file of FOREWARN_DECIDE_KEYS_FILE:")
    typer.echo(entry)


@app.command("check-keys")
def check_keys(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The keys file.")],
) -> None:
    """Check a keys file before a replica reads it."""
    ring = load_keys(file)
    typer.echo(f"{len(ring.keys)} keys are valid.")
