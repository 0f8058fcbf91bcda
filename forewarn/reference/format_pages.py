"""The pages of the formats that replay knows by name, from their descriptions."""

from forewarn.cli.formats_command import command_of
from forewarn.replay.format_catalog import FileFormat, known_formats

NOTE = "<!-- Written by `forewarn reference`; edit forewarn/replay/formats instead. -->\n"


def format_pages() -> dict[str, str]:
    """Pages by their path below docs."""
    found = {"formats/README.md": _index()}
    for each in known_formats().values():
        found[f"formats/{each.name}.md"] = _page(each)
    return found


def _index() -> str:
    rows = "".join(
        f"| [{each.name}]({each.name}.md) | {each.title} | {each.gives} | {', '.join(each.endings)} |\n"
        for each in known_formats().values()
    )
    return (
        f"{NOTE}# Formats by name\n\n"
        "`forewarn replay --format NAME FILE` reads a file of one of these formats. Without `--format` and without a\n"
        "mapping, the file is recognised by its header, and the guess is asked for. `forewarn formats show NAME` tells the\n"
        "same as the page of a format; [mappings](mappings.md) says how to describe a format that is not here.\n\n"
        "| name | what it is | gives | files |\n| --- | --- | --- | --- |\n" + rows
    )


def _page(each: FileFormat) -> str:
    columns = "".join(f"| `{name}` | {meaning} |\n" for name, meaning in each.columns.items())
    asked = "".join(
        f"| `{name}` | {parameter.about} | `{parameter.example}` | "
        f"{'has to be given' if parameter.default is None else f'`{parameter.default}`' if parameter.default else 'empty'} |\n"
        for name, parameter in each.parameters.items()
    )
    traps = "".join(f"- {trap.text} Source: {trap.source}.\n" for trap in each.traps)
    parts = [
        f"{NOTE}# {each.title}\n",
        f"`--format {each.name}` gives {each.gives} from files that end in {', '.join(each.endings)}.\n",
        f"**Zone.** {each.zone}\n",
        f"**Direction.** {each.direction}\n",
        "## Columns\n\n| column | meaning |\n| --- | --- |\n" + columns,
    ]
    if asked:
        parts.append(
            "## What has to be said\n\n| `--given` | meaning | example | default |\n| --- | --- | --- | --- |\n"
            + asked
        )
    parts += [
        "## Traps\n\n" + traps,
        (
            f"## Try it\n\n    {command_of(each)}\n\n"
            f"reads [the sample](../samples/formats/{each.sample}) with the result in\n"
            f"[{each.name}.expected.jsonl](../samples/formats/{each.name}.expected.jsonl). All values are made up.\n"
        ),
    ]
    return "\n".join(parts)
