"""``forewarn worker``: run one stream worker in the foreground."""

import asyncio

import typer
import uvloop

from forewarn.platform.settings import LogSettings, WorkerSettings, load
from forewarn.telemetry import logs

app = typer.Typer(help="Run a stream worker.")


@app.command()
def worker() -> None:
    """Run a stream worker until SIGTERM; all settings come from the environment."""
    settings = load(WorkerSettings)
    log = load(LogSettings)
    logs.configure(log.level, log.format)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    from streams.worker.main import run_worker  # noqa: PLC0415 - seconds to import, after the logs

    run_worker()
