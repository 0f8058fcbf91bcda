"""``forewarn backtest``: what a model and a policy would have done with a period of history."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from features.catalog import CATALOG
from features.engine import Engine
from features.event_columns import EventColumns
from forewarn.errors import ConfigurationError
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.platform.settings import ModelsSettings, load
from models.evaluation.backtest import DecisionReplay, difference_of, replay, summarise
from models.evaluation.backtest.lists_file import read_lists
from models.evaluation.report.report_page import number, share
from models.policy import DEFAULT_POLICY, Lists, Policy, parse_policy
from models.registry import ALIASES, open_registry
from models.serving.artifact import SUMS
from models.serving.scorer import Scorer, load_scorer
from models.training.event_labels import label_events
from models.training.history_dataset import district_of_events, event_columns, read_history

app = typer.Typer(help="Judge a model and a policy on history.")
console = Console()

_KEY = b"pseudonyms of one backtest"
_MOMENT = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]


@dataclass(frozen=True, slots=True)
class _Side:
    """One model with one policy."""

    scorer: Scorer
    policy: Policy


@app.command()
def run(
    data: Annotated[Path, typer.Option(help="Folder from `forewarn export` or `simulate`.")],
    model: Annotated[
        str, typer.Option(help="Alias, version, or an artifact's folder.")
    ] = "champion",
    policy: Annotated[Path | None, typer.Option(help="TOML; the built-in one if left out.")] = None,
    against_model: Annotated[str, typer.Option(help="Compare with this model.")] = "",
    against_policy: Annotated[Path | None, typer.Option(help="Compare with this policy.")] = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            formats=_MOMENT,
            help="Judge from here on (UTC); before it, warm up. Where the models' own test begins, "
            "if left out.",
        ),
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=_MOMENT, help="Judge up to here.")
    ] = None,
    lists: Annotated[
        Path | None,
        typer.Option(help="CSV of lists in force: list,kind,peer,subscriber,expires_at_ms."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write the figures as JSON.")] = None,
    threads: Annotated[int, typer.Option(min=1, help="Of the feature kernel.")] = 1,
) -> None:
    """Replay a period through scorer, policy, budgets and deduplication, and count what came of it."""
    first = _side(model, policy)
    sides = [first]
    if against_model or against_policy:
        sides.append(_side(against_model or model, against_policy or policy))
    history = read_history(data)
    pseudonymiser = Pseudonymiser(_KEY)
    events = event_columns(history, pseudonymiser)
    if len(events) == 0:
        raise ConfigurationError(f"there are no events in {data}.")
    engine = Engine(CATALOG)
    vectors = engine.run(engine.plan(events), threads=threads).vectors
    labels = label_events(events, history.outcomes, pseudonymiser)
    districts = district_of_events(events, history, pseudonymiser)
    begin_ms, in_sample = _begin(sides, events, since)
    rows = events.time_ms >= begin_ms
    if until:
        rows &= events.time_ms < _ms(until)
    if not rows.any():
        raise ConfigurationError(
            f"no event lies between {_told(begin_ms)} and --until.",
            hint="Give --since: without it, only what the models were not trained on is judged.",
        )
    in_force = read_lists(lists, pseudonymiser) if lists else Lists()
    replays = [
        replay(events, vectors, districts, side.scorer, side.policy, rows=rows, lists=in_force)
        for side in sides
    ]
    summaries = [
        summarise(one, events, labels, side.policy, rows)
        for one, side in zip(replays, sides, strict=True)
    ]
    document: dict[str, Any] = {
        "runs": summaries, "since_ms": begin_ms, "in_sample": in_sample,
    }  # fmt: skip
    if len(replays) == 2:
        document["difference"] = difference_of(replays[0], replays[1], events, labels)
    _tell(document, replays)
    if out:
        out.write_bytes(msgspec.json.format(msgspec.json.encode(document)))


def _begin(
    sides: Sequence[_Side], events: EventColumns, since: datetime | None
) -> tuple[int, bool]:
    """Where judging begins, and whether a model was trained on what is judged; says so if it was."""
    tested = [side.scorer.artifact.manifest.test_from_ms for side in sides]
    unseen_ms = max(tested) if all(tested) else 0
    first_ms = int(events.time_ms.min())
    begin_ms = max(_ms(since), first_ms) if since else max(unseen_ms, first_ms)
    if unseen_ms and begin_ms >= unseen_ms:
        console.print(f"judged from {_told(begin_ms)} on, which no model was trained on")
        return begin_ms, False
    reason = (
        f"a model was trained on what happened before {_told(unseen_ms)}"
        if unseen_ms
        else "an older model does not say what it was trained on"
    )
    console.print(
        f"[bold red]judged in sample[/] from {_told(begin_ms)} on: {reason}. The figures flatter it, "
        "unless these are other people's data."
    )
    return begin_ms, True


def _told(time_ms: int) -> str:
    return f"{datetime.fromtimestamp(time_ms / 1000, UTC):%Y-%m-%d %H:%M}"


def _side(model: str, policy_path: Path | None) -> _Side:
    settings = load(ModelsSettings)
    registry = open_registry(settings)
    if (Path(model) / SUMS).is_file():
        folder = Path(model)
    elif model in ALIASES:
        current = registry.current(model)
        if current is None:
            raise ConfigurationError(
                f"the registry has no {model}.", hint="Give --model a version or a folder."
            )
        folder = current
    else:
        folder = registry.fetch(model)
    key = settings.signing_key.get_secret_value().encode()
    scorer = load_scorer(folder, fingerprint=CATALOG.fingerprint, signing_key=key)
    try:
        data = (policy_path or DEFAULT_POLICY).read_bytes()
    except OSError as error:
        raise ConfigurationError(f"cannot read the policy: {error}") from error
    document, version = parse_policy(data)
    return _Side(scorer, Policy(document, version, scorer.features, scorer.thresholds))


def _tell(document: dict[str, Any], replays: list[DecisionReplay]) -> None:
    table = Table("", *(f"{one.model_version}\n{one.policy_version}" for one in replays))
    lines: dict[str, Callable[[dict[str, Any]], str]] = {
        "warnings a day": lambda one: number(one["warnings_per_day"]),
        "precision": lambda one: share(one["precision"]),
        "severities": lambda one: _counts(one["severities"]),
        "messages": lambda one: _counts(one["messages"]),
        "decisions": lambda one: _counts(one["reasons"]),
        "episodes reached": lambda one: f"{one['episodes_reached']} of {one['episodes']}",
        "minutes before the first loss": lambda one: number(one["minutes_before_loss"]),
        "paid to swindlers": lambda one: f"{one['paid_minor'] / 100:,.2f}",
        "paid after the first warning": lambda one: f"{one['movable_minor'] / 100:,.2f}",
        "expected to be saved": lambda one: f"{one['saved_minor'] / 100:,.2f}",
    }
    for name, cell in lines.items():
        table.add_row(name, *(cell(one) for one in document["runs"]))
    console.print(table)
    if "difference" in document:
        gap = document["difference"]
        console.print(
            f"both warn {gap['both']} times ({gap['other_severity']} with another severity); "
            f"only the first {gap['only_first']['warnings']} "
            f"({gap['only_first']['frauds']} frauds), only the second "
            f"{gap['only_second']['warnings']} ({gap['only_second']['frauds']} frauds)"
        )


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"


def _ms(moment: datetime) -> int:
    return int(moment.replace(tzinfo=UTC).timestamp() * 1000)
