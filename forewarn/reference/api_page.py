"""``docs/api.md``: the public names for Python, from their documentation."""

import inspect
from typing import Any

import forewarn.api

_INTRODUCTION = """# Python reference

For data scientists who work in notebooks and scripts: every public name of `forewarn.api`, with its
parameters. Names that are not here may move without notice. The
[notebook](notebooks/from_export_to_promoted.ipynb) uses them from an export to a promoted model. Written
by `forewarn reference` from the code.

Do not name a file or folder beside your script or notebook `features`, `models`, `streams` or `alerting`: Python would find it in
the place of Forewarn's package. The import stops then with one error that names every such file, and so does `forewarn doctor`.
`python -P` finds Forewarn's packages in spite of them, but none of your own modules beside the script.

"""


def api_page() -> str:
    """The page as Markdown."""
    parts = [_INTRODUCTION + inspect.cleandoc(_fenced(forewarn.api.__doc__ or "")), ""]
    for heading, modules in forewarn.api.SECTIONS.items():
        parts += [f"## {heading}", ""]
        for names in modules.values():
            for name in names:
                parts += _entry(name, getattr(forewarn.api, name))
    return "\n".join(parts).rstrip() + "\n"


def _entry(name: str, value: object) -> list[str]:
    """A heading, the signature and the documentation of one name."""
    text = inspect.getdoc(value) or ""
    if inspect.isfunction(value):
        return [f"### {name}", "", f"`{name}({_parameters(value)})`", "", _fenced(text), ""]
    if inspect.isclass(value):
        return [f"### {name}", "", _fenced(text), ""]
    return [f"### {name}", "", f"A `{type(value).__name__}`: {_first_line(type(value))}", ""]


def _parameters(function: Any) -> str:
    """The parameters with their defaults, without types: those are in the text and in the code."""
    shown = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in shown:
            shown.append("*")
        default = parameter.default
        if default is parameter.empty:
            shown.append(parameter.name)
        elif callable(default) or not isinstance(default, str | int | float | bool | type(None)):
            shown.append(f"{parameter.name}=...")
        else:
            shown.append(f"{parameter.name}={default!r}")
    return ", ".join(shown)


def _fenced(text: str) -> str:
    """Documentation as Markdown: examples in fences, sections of parameters as lists."""
    lines: list[str] = []
    fence, section = False, ""
    for line in inspect.cleandoc(text).splitlines():
        example = line.startswith((">>>", "...")) or (fence and line.strip() != "")
        if example != fence:
            lines.append("```python" if example else "```")
            fence = example
        if line in ("Args:", "Returns:", "Raises:", "Attributes:"):
            lines += [f"**{line}**", ""]
            section = line
        else:
            lines.append(line if fence else _prose(line, section))
    return "\n".join([*lines, *(["```"] if fence else [])])


def _prose(line: str, section: str) -> str:
    """A line of text; one of a section's entries becomes an item of a list."""
    text = line.replace("``", "`")
    if not section or not text.startswith("    "):
        return text
    if section == "Returns:" or text.startswith("     "):
        return f"  {text.strip()}" if section != "Returns:" else text.strip()
    names, colon, meaning = text.strip().partition(": ")
    known = colon and all(name.isidentifier() for name in names.split(", "))
    return f"- `{names}`: {meaning}" if known else f"- {text.strip()}"


def _first_line(kind: type) -> str:
    return (inspect.getdoc(kind) or "").partition("\n")[0]
