"""``forewarn models``: what is in the registry, what is in use, and how to change it."""

import getpass
import time
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Column, Table

from forewarn.errors import ConfigurationError
from forewarn.platform.settings import ModelsSettings, load
from models.evaluation.report.page_parts import day, number, share
from models.registry import ALIASES, Registry, open_registry
from models.registry.candidate_comparison import compare as compare_on_holdout
from models.registry.mlflow_tracking import mirror
from models.registry.promotion import GateError, promote, verdicts_of
from models.registry.promotion_gates import GateVerdict

app = typer.Typer(help="List, compare, promote and roll back models.", no_args_is_help=True)
console = Console()

Version = Annotated[str, typer.Argument(help="A version, `newest`, or an alias.")]
Reason = Annotated[str, typer.Option(help="Kept in the history of the alias.")]


@app.command("list")
def list_models(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line a model.")] = False,
) -> None:
    """All models, newest last, with what points to them."""
    registry = _registry()
    aliases = {alias: registry.current_version(alias) for alias in ALIASES}
    versions = registry.versions()
    if not versions and not as_json:
        console.print(
            "The registry is empty. Train a model with `forewarn train`.", highlight=False
        )
        return
    table = model_table()
    for version in versions:
        manifest = registry.manifest(version)
        used = [alias for alias, current in aliases.items() if current == version]
        metrics = _metrics(registry, version)
        if as_json:
            line = {"version": version, "aliases": used, "rows": manifest.rows,
                    "positives": manifest.positives, "fingerprint": manifest.fingerprint,
                    "average_precision": metrics.get("average_precision")}  # fmt: skip
            typer.echo(msgspec.json.encode(line).decode())
            continue
        table.add_row(
            version, ", ".join(used),
            f"{day(manifest.data_from_ms)} to {day(manifest.data_until_ms)}",
            number(manifest.rows), number(manifest.positives),
            number(metrics.get("average_precision")),
        )  # fmt: skip
    if not as_json:
        console.print(table)


def model_table() -> Table:
    """The head of the list; it is whole in 80 columns."""
    return Table(
        Column("version", no_wrap=True),
        Column("in use as", min_width=10),
        Column("trained on", min_width=10),  # a date; two lines in a narrow terminal
        *(Column(name, no_wrap=True, justify="right") for name in ("rows", "frauds", "AP")),
        box=None,
    )


@app.command()
def show(version: Version) -> None:
    """One model: its data, figures and the history of its aliases."""
    registry = _registry()
    version = _resolve(registry, version)
    artifact = registry.artifact(version)  # verified
    manifest = artifact.manifest
    metrics = _metrics(registry, version)
    console.print(f"[bold]{version}[/]  checksums and signature are right")
    console.print(
        f"catalog {manifest.fingerprint[:12] or 'none'}, {len(manifest.features)} features"
    )
    console.print(
        f"data {day(manifest.data_from_ms)} to {day(manifest.data_until_ms)}, "
        f"{manifest.rows:,} rows, {manifest.positives:,} frauds, seed {manifest.seed}"
    )
    for name, one in manifest.triggers.items():
        by = f"its own model, {one.trees} trees" if one.model == "own" else "the common model"
        console.print(f"{name}: scored by {by} ({one.why}; {one.frauds:,} events of frauds)")
    if metrics:
        at = metrics["at_threshold"]
        console.print(
            f"average precision {number(metrics['average_precision'])}, "
            f"at threshold {number(metrics['thresholds']['raise'])}: "
            f"{number(at['warnings_per_day'])} warnings a day, precision {share(at['precision'])}, "
            f"episodes {share(at['episode_recall'])}, money {share(at['value_recall'])}"
        )
    for alias in ALIASES:
        pointer = registry.pointer(alias)
        for move in pointer.moves if pointer else ():
            if move.version == version:
                console.print(f"{alias} since {day(move.changed_ms)} by {move.by}: {move.reason}")
    console.print(f"files {artifact.path}")


@app.command("promote")
def promote_model(
    version: Version,
    reason: Reason = "promoted",
    as_challenger: Annotated[
        bool, typer.Option("--as-challenger", help="Score beside the champion; no gates.")
    ] = False,
    force: Annotated[
        bool, typer.Option(help="Promote although a gate refuses; the history says so.")
    ] = False,
) -> None:
    """Make a model champion if it passes the gates."""
    registry = _registry()
    version = _resolve(registry, version)
    now_ms = time.time_ns() // 1_000_000
    if as_challenger:
        registry.point("challenger", version, by=_who(), reason=reason, now_ms=now_ms)
        _mirror(registry, "challenger", version)
        console.print(f"{version} is challenger")
        return
    try:
        _, verdicts = promote(
            registry, version, by=_who(), reason=reason, now_ms=now_ms, force=force
        )
    except GateError as error:
        _print_verdicts(error.verdicts)
        raise
    _print_verdicts(verdicts)
    _mirror(registry, "champion", version)
    console.print(f"{version} is champion; workers take it over within seconds")


@app.command()
def rollback(
    reason: Reason = "rolled back",
    alias: Annotated[str, typer.Option(help="champion or challenger.")] = "champion",
) -> None:
    """Go back to the version that an alias pointed to before."""
    known = {name: name for name in ALIASES}
    if alias not in known:
        raise ConfigurationError(f"--alias is one of {', '.join(ALIASES)}.")
    registry = _registry()
    pointer = registry.rollback(
        known[alias], by=_who(), reason=reason, now_ms=time.time_ns() // 1_000_000
    )
    _mirror(registry, alias, pointer.version)
    console.print(f"{pointer.version} is {alias} again")


@app.command()
def compare(
    first: Version,
    second: Annotated[str, typer.Argument(help="Compared with; the champion if left out.")] = (
        "champion"
    ),
) -> None:
    """Two models on the first one's test rows, and what the gates say about the first."""
    registry = _registry()
    a, b = _resolve(registry, first), _resolve(registry, second)
    difference = compare_on_holdout(registry.artifact(a), registry.artifact(b))
    console.print(
        f"{a} {difference.new:.4f}, {b} {difference.old:.4f} (average precision)\n"
        f"difference {difference.low:+.4f} to {difference.high:+.4f} (90 %), "
        f"ahead in {difference.wins:.0%} of draws"
    )
    _print_verdicts(verdicts_of(registry, a))


def _registry() -> Registry:
    return open_registry(load(ModelsSettings))


def _mirror(registry: Registry, alias: str, version: str) -> None:
    """Log the registry's present state to MLflow, where it is used."""
    uri = load(ModelsSettings).mlflow_uri
    if uri:
        mirror(uri, alias, registry.artifact(version), _metrics(registry, version))


def _resolve(registry: Registry, name: str) -> str:
    """A version from a version, an alias, or ``newest``."""
    if name == "newest":
        versions = registry.versions()
        if not versions:
            raise ConfigurationError(
                "the registry is empty.", hint="Train a model with `forewarn train`."
            )
        return versions[-1]
    if name in ALIASES:
        version = registry.current_version(name)
        if not version:
            raise ConfigurationError(
                f"there is no {name}.", hint="Make one with `forewarn models promote`."
            )
        return version
    return name


def _metrics(registry: Registry, version: str) -> dict[str, Any]:
    data = registry.file(version, "metrics.json")
    return msgspec.json.decode(data, type=dict) if data else {}


def _print_verdicts(verdicts: Sequence[GateVerdict]) -> None:
    for verdict in verdicts:
        mark = "[green]passed[/]" if verdict.passed else "[red]refused[/]"
        console.print(f"{mark} {verdict.gate}: {verdict.message}")


def _who() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user need not have a name
        return "unknown"
