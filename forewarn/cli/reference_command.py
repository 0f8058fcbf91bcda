"""``forewarn reference``: write the generated pages of the documentation."""

from pathlib import Path
from typing import Annotated

import typer

from forewarn.reference import pages

app = typer.Typer()


@app.command()
def reference(
    out: Annotated[Path, typer.Option("--out", help="The docs directory.")] = Path("docs"),
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; status 1 if a page is not current.")
    ] = False,
) -> None:
    """Write the pages that come from code: settings, options, commands, features, metrics, Python reference, formats and JSON Schemas."""
    stale = 0
    for path, text in pages().items():
        target = out / path
        if target.is_file() and target.read_text(encoding="utf-8") == text:
            continue
        stale += 1
        if not check:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        typer.echo(f"{'not current' if check else 'written'}: {target}")
    raise typer.Exit(1 if check and stale else 0)
