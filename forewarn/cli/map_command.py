"""``forewarn map FILE``: propose a mapping and show what it makes of the first rows."""

import shlex
import sys
import tempfile
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from forewarn.contracts import CallEvent, Transfer
from forewarn.errors import ConfigurationError
from forewarn.platform.files.byte_stream import kind_of
from forewarn.replay import BadRow, Mapping, Ready, in_order, load_mapping
from forewarn.replay.column_evidence import evidence_of
from forewarn.replay.file_shape import read_head
from forewarn.replay.file_tally import FileTally
from forewarn.replay.format_catalog import FileFormat
from forewarn.replay.format_choice import recognised
from forewarn.replay.mapping_proposal import FileShape, Proposal
from forewarn.replay.row_join import prepared_rows
from forewarn.replay.transfer_proposal import OR_A_VALUE

app = typer.Typer()

SHOWN_EVENTS = 10

_calls = msgspec.json.Decoder(CallEvent)
_transfers = msgspec.json.Decoder(Transfer)


@app.command()
def map_file(
    file: Annotated[Path, typer.Argument(help="CSV, JSON Lines, JSON or Parquet; also packed.")],
    out: Annotated[
        Path | None, typer.Option(help="Where to write the mapping; by default beside the file.")
    ] = None,
    zone: Annotated[
        str, typer.Option(help="Time zone of times without one, such as Asia/Shanghai.")
    ] = "",
    region: Annotated[
        str, typer.Option(help="ISO 3166 code of numbers without a country code.")
    ] = "",
    answer: Annotated[
        list[str] | None,
        typer.Option(help="An answer to the next question, in their order, instead of asking."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Write over a mapping that is there.")
    ] = False,
) -> None:
    """Propose a column mapping from the header and the first thousand rows of a file.

    What the cells do not show is asked for: the zone, whose file it is, which of two readings of a date. Shows
    ten resulting events beside their rows and writes the mapping. A file of a format known by name needs none.
    """
    console, questions = Console(highlight=False), _Questions(answer or [])
    found = recognised(file) if file.is_file() else []
    for each in found:
        console.print(f"{file.name} looks like {each.title} ({each.name}).", markup=False)
    known = len(found) == 1 and questions("Is it that?", ("yes", "no")) == "yes"
    questions.require_answers()
    if known:
        _show_format(console, file, found[0], questions)
        return
    kind = kind_of(file)
    stem = file.name[: file.name.lower().rfind(kind)] if kind else file.name
    target = out or file.with_name(f"{stem}.toml")
    if target.exists() and not force:
        raise ConfigurationError(
            f"there is a mapping {target} already.", hint="Give --out or --force."
        )
    head = read_head(file)
    columns = [evidence_of(name, cells) for name, cells in head.columns.items()]
    proposal = Proposal(columns, questions)
    text = _proposed(proposal, questions, FileShape(head.options), zone, region)
    with tempfile.TemporaryDirectory() as scratch:
        trial = Path(scratch) / "trial.toml"
        trial.write_text(text, encoding="utf-8")
        shown = _show(console, file, load_mapping(trial), head.rows)
    if not shown:
        console.print(f"\n{text}", markup=False)
        raise ConfigurationError(
            "the proposal gives no event of the rows above, so nothing is written.",
            hint="Answer otherwise, or write the mapping by hand: docs/formats/mappings.md.",
        )
    target.write_text(text, encoding="utf-8")
    console.print(f"\n{text}\nwritten: {target}", markup=False)
    console.print(
        f"check the whole file: forewarn replay --check-only --mapping {target} {file}",
        markup=False,
        soft_wrap=True,
    )


def _proposed(
    proposal: Proposal, questions: "_Questions", shape: FileShape, zone: str, region: str
) -> str:
    """The mapping, once every question has its answer."""
    try:
        text = proposal.toml(shape, zone, region)
    except ConfigurationError:
        questions.require_answers()  # what an open question made wrong is no fault of the file
        raise
    questions.require_answers()
    return text


def _show_format(console: Console, file: Path, found: FileFormat, ask: "_Questions") -> None:
    """Events of a file of a known format, and the command that reads it: it needs no mapping."""
    given = {
        name: ask(f"{name}: {each.about} (such as {each.example})", ())
        if each.default is None
        else each.default
        for name, each in found.parameters.items()
    }
    ask.require_answers()
    mapping = found.mapping_with(given)
    first = next(iter(prepared_rows(file, mapping.file, FileTally(file.name))))
    _show(console, file, mapping, dict(zip(first.lines, first.raws, strict=True)))
    says = "".join(
        " --given " + shlex.quote(f"{name}={value}") for name, value in given.items() if value
    )
    console.print(
        f"check the whole file: forewarn replay --check-only --format {found.name}{says} {file}",
        markup=False, soft_wrap=True,
    )  # fmt: skip


class _Questions:
    """Asks at the terminal, or takes the answers that were given.

    Without a terminal, a question without an answer stays open and takes its first possible answer, so that all
    open questions come to light in one run.
    """

    def __init__(self, answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self._open: list[str] = []

    def __call__(self, question: str, choices: Sequence[str]) -> str:
        shown = f"{question} [{', '.join(choices)}]" if choices else question
        if self._answers:
            answer = self._answers.pop(0)
        elif sys.stdin.isatty():
            answer = str(typer.prompt(shown))
        else:
            self._open.append(shown)
            return choices[0] if choices else "000"
        if choices and answer not in choices and OR_A_VALUE not in choices:
            raise ConfigurationError(
                f"{answer} is none of {', '.join(choices)}.",
                hint=f"It was the answer to: {question}",
            )
        return answer

    def require_answers(self) -> None:
        """Refuse to go on with open questions.

        Raises:
            ConfigurationError: with all of them.
        """
        if self._open:
            each = "; ".join(f"({place}) {one}" for place, one in enumerate(self._open, start=1))
            raise ConfigurationError(
                f"the file does not say: {each}",
                hint="Run it at a terminal, or give --answer for each question in turn; an answer may lead to others.",
            )


def _show(console: Console, file: Path, mapping: Mapping, rows: dict[int, str]) -> int:
    """Ten events beside their rows; gives how many of these are events."""
    table = Table("line", "row", "event", show_lines=True)
    bad = events = 0
    for item in islice(in_order([(file, mapping)]), SHOWN_EVENTS):
        if isinstance(item, BadRow):
            bad += 1
            table.add_row(str(item.line), item.text[:400], f"bad row: {item.reason}")
            continue
        events += 1
        table.add_row(str(item.line), rows.get(item.line, "")[:400], _event(item))
    console.print(table)
    if bad:
        console.print(f"{bad} of these are bad rows: look at their reasons before anything is sent")
    return events


def _event(item: Ready) -> str:
    event = (_transfers if item.topic == "transfers" else _calls).decode(item.value)
    hidden = {"schema_version", "tenant", "district", "revision", "device", "attestation"}
    fields = {
        name: value for name, value in msgspec.structs.asdict(event).items() if name not in hidden
    }
    return "\n".join(f"{name} = {value}" for name, value in fields.items())
