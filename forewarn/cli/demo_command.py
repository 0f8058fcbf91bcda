"""``forewarn demo``: the whole pipeline on a simulated town, in a minute."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from forewarn.cli.up_command import show_addresses
from forewarn.demo.demo_options import DemoOptions
from forewarn.demo.demo_run import run_demo, simulate_town
from forewarn.demo.demo_summary import print_summary
from forewarn.demo.terminal_view import LiveView, PlainView, View
from forewarn.errors import DependencyUnavailableError
from forewarn.local.stack import Stack
from forewarn.local.stack_addresses import address_rows
from forewarn.local.stack_layout import DEMO_DIRECTORY
from forewarn.local.supervisor import running_stack, supervise
from forewarn.platform.settings import LocalSettings, load

app = typer.Typer()

DEFAULTS = DemoOptions()


@app.command()
def demo(
    directory: Annotated[
        Path | None,
        typer.Option("--dir", help="Data and logs; FOREWARN_LOCAL_DIRECTORY by default."),
    ] = None,
    seconds: Annotated[float, typer.Option(min=1, max=3600, help="How long to stream.")] = (
        DEFAULTS.seconds
    ),
    speed: Annotated[
        float,
        typer.Option(min=1, help="How many times faster the town's time passes than real time."),
    ] = DEFAULTS.speed,
    subscribers: Annotated[int, typer.Option(min=50, help="Protected people of the town.")] = (
        DEFAULTS.subscribers
    ),
    prevalence: Annotated[
        float, typer.Option(min=0, max=0.2, help="Share of events that belong to a fraud.")
    ] = DEFAULTS.prevalence,
    workers: Annotated[int | None, typer.Option(min=1, help="Stream workers.")] = None,
    seed: Annotated[
        int, typer.Option(min=0, help="Seed of the town; equal seeds give equal towns.")
    ] = DEFAULTS.seed,
    plain: Annotated[bool, typer.Option("--plain", help="Lines instead of a live panel.")] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Stay up with its data after the summary, until Ctrl-C.")
    ] = False,
) -> None:
    """Stream a simulated town through real Kafka, Redis, workers and the alerting service.

    Simulated responders answer the warnings. It ends by itself with a summary; Ctrl-C ends it at any time.
    A first run fetches Kafka, compiles the kernel and trains a model, which takes minutes; later runs do not.
    """
    began = time.monotonic()
    given = {"directory": directory, "workers": workers}
    settings = load(LocalSettings, **{k: v for k, v in given.items() if v is not None})
    options = DemoOptions(
        seconds=seconds, speed=speed, subscribers=subscribers, prevalence=prevalence, seed=seed
    )
    console = Console()
    lines = PlainView(console, time.monotonic)
    # A town of its own day by day: what an earlier one left behind would only disturb it.
    root = settings.directory.absolute()
    place = settings.model_copy(update={"directory": root / DEMO_DIRECTORY})
    # The town's days are local ones, and its last day has to be over everywhere.
    today = datetime.now(UTC).date() - timedelta(days=1)
    lines.tell(f"a town of {options.subscribers:,} people, in its day {options.history_days + 1}")
    past = options.past_command(today)
    with ThreadPoolExecutor(1, thread_name_prefix="simulator") as pool:
        demo_town = pool.submit(simulate_town, options, today)
        with running_stack(
            place, tell=lines.tell, models=root / "models", prelude=past, fresh=True
        ) as stack:
            lines.tell(f"everything is up after {time.monotonic() - began:.1f} s")
            show_addresses(stack.urls, stack.layout)
            with _view(stack, console, lines, plain=plain) as view:
                streamed_at = time.monotonic() - began
                result = run_demo(stack, demo_town.result(), options, view)
            first = result.figures.first_warning_seconds
            print_summary(
                console,
                result,
                seconds_to_first_warning=None if first is None else streamed_at + first,
            )
            if not result.figures.warnings:
                raise DependencyUnavailableError(
                    "no warning was raised.", hint=f"See the logs in {stack.layout.logs}."
                )
            if keep:
                _stay(stack, lines)


def _view(stack: Stack, console: Console, lines: PlainView, *, plain: bool) -> View:
    """A live panel at a terminal, lines elsewhere or on request."""
    if plain or not sys.stdout.isatty():
        return lines
    return LiveView(console, dict(address_rows(stack.urls, stack.layout)))


def _stay(stack: Stack, lines: PlainView) -> None:
    """Keep the stack up until Ctrl-C."""
    lines.tell("it stays up with its data until Ctrl-C:")
    show_addresses(stack.urls, stack.layout)
    supervise(stack, tell=lines.tell)
