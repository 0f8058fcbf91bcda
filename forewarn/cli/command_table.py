"""The commands: where each is found, what its line in the help says, what it needs installed."""

import importlib
import inspect
from dataclasses import dataclass
from typing import Any

from forewarn.errors import ConfigurationError

OWN_PACKAGES = ("forewarn", "features", "models", "streams", "alerting")


@dataclass(frozen=True, slots=True)
class Entry:
    """One command; ``extra`` is the optional dependency group that it needs, or empty."""

    module: str
    help: str
    panel: str
    extra: str = ""


EVERYTHING = "local,train,console"
"""A stack trains a model, if there is none, and serves the console."""

_LOCAL, _STREAM, _DATA, _MODEL, _OTHER = "One machine", "Streams", "Data", "Models", "More"

COMMANDS: dict[str, Entry] = {
    "demo": Entry(
        "demo_command", "Run the whole pipeline on a simulated town.", _LOCAL, EVERYTHING
    ),
    "up": Entry("up_command", "Start a local stack and keep it running.", _LOCAL, EVERYTHING),
    "down": Entry("down_command", "Stop the local stack.", _LOCAL, "local"),
    "status": Entry(
        "status_command", "Show the processes of the local stack and their addresses.", _LOCAL
    ),
    "doctor": Entry("doctor_command", "Say what is missing and what to do about it.", _LOCAL),
    "worker": Entry("worker_command", "Run a stream worker.", _STREAM),
    "decide": Entry("decide_command", "Answer banks while a payment waits.", _STREAM),
    "topics": Entry("topics_command", "Create and check the topics in Kafka.", _STREAM),
    "replay": Entry(
        "replay_command", "Stream files of calls or transfers into Kafka.", _STREAM, "files"
    ),
    "map": Entry(
        "map_command", "Propose a column mapping for a file, and show it.", _STREAM, "files"
    ),
    "formats": Entry(
        "formats_command", "List the formats that replay knows by name.", _STREAM, "files"
    ),
    "dead-letters": Entry(
        "dead_letters_command", "List rejected records and send them again.", _STREAM
    ),
    "lag": Entry("lag_command", "Show how far the workers are behind.", _STREAM),
    "alerting": Entry(
        "alerting_command", "Run and manage the alerting service.", _STREAM, "console"
    ),
    "evidence": Entry(
        "evidence_command", "Check and make evidence packs of cases.", _STREAM, "console"
    ),
    "export": Entry("export_command", "Copy topics to Parquet.", _DATA, "train"),
    "backfill": Entry("backfill_command", "Compute features over Parquet.", _DATA, "train"),
    "parity": Entry(
        "parity_command", "Prove that offline features are those of the worker.", _DATA, "train"
    ),
    "rebuild": Entry("rebuild_command", "Rebuild the state in Redis.", _DATA, "train"),
    "simulate": Entry("simulate_command", "Write a simulated town to Parquet.", _DATA, "train"),
    "train": Entry("train_command", "Train a model.", _MODEL, "train"),
    "score": Entry("score_command", "Score a table of your own.", _MODEL, "train"),
    "backtest": Entry(
        "backtest_command", "Judge a model and a policy on history.", _MODEL, "train"
    ),
    "evaluate": Entry(
        "evaluate_command", "Judge how early and how right warnings are.", _MODEL, "train"
    ),
    "models": Entry(
        "models_command", "List, compare, promote and roll back models.", _MODEL, "train"
    ),
    "retrain": Entry(
        "retrain_command", "Export, train, judge and promote in one go.", _MODEL, "train"
    ),
    "reference": Entry(
        "reference_command", "Write the reference pages of the documentation.", _OTHER, EVERYTHING
    ),
}


def load(name: str) -> object:
    """Import a command.

    Args:
        name: a key of ``COMMANDS``.

    Returns:
        The command as Typer runs it.

    Raises:
        ConfigurationError: if a package that it needs is not installed, naming the extra.
    """
    import typer  # noqa: PLC0415  keeps this table free of the command line library

    entry = COMMANDS[name]
    try:
        module = importlib.import_module(f"forewarn.cli.{entry.module}")
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in OWN_PACKAGES:
            raise  # ours and not there: a fault of this code, not of the installation
        extra = f"forewarn[{entry.extra}]" if entry.extra else "forewarn"
        raise ConfigurationError(
            f"`forewarn {name}` needs the package {package}, which is not installed.",
            hint=f"Install it with: pip install '{extra}'",
        ) from error
    command: Any = typer.main.get_command(module.app)
    # Completion is installed for the program, not for each command: the root offers it.
    command.params = [one for one in command.params if not one.name.endswith("_completion")]
    _unwrap(command)
    return command


def _unwrap(command: Any) -> None:
    """Make each paragraph of a help one line, so that the terminal's width breaks it and not the source's."""
    text = inspect.cleandoc(command.help or "")
    command.help = "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))
    for child in getattr(command, "commands", {}).values():
        _unwrap(child)
