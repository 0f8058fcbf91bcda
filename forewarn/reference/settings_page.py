"""``docs/settings.md``: every environment variable, from the settings sections."""

import inspect
import types
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

import forewarn.platform.settings
from forewarn.platform.settings import Section

_INTRODUCTION = """# Settings

Everything is set by environment variables. A variable may instead be a file of the directory that
`FOREWARN_SECRETS_DIR` names, called like the variable in lower case (Kubernetes mounts secrets so);
use that for the variables marked *secret*. A value that is not valid stops the program with a line
that names the variable. Written by `forewarn reference` from `forewarn/settings/`.
"""


def sections() -> list[type[Section]]:
    """Every settings section, in the order of the variables."""
    found = {
        value
        for _, value in inspect.getmembers(forewarn.platform.settings, inspect.isclass)
        if issubclass(value, Section) and value is not Section
    }
    return sorted(found, key=lambda section: str(section.model_config["env_prefix"]))


def settings_page() -> str:
    """The page as Markdown."""
    parts = [_INTRODUCTION]
    for section in sections():
        prefix = section.model_config["env_prefix"]
        parts += [f"## {prefix}*", "", inspect.cleandoc(section.__doc__ or ""), ""]
        parts += ["| variable | type | default | meaning |", "|---|---|---|---|"]
        for name, field in section.model_fields.items():
            cells = (
                f"`{prefix}{name.upper()}`",
                _type_name(field.annotation) + (" *secret*" if _is_secret(field) else ""),
                _default(field),
                (field.description or "").replace("|", "\\|"),
            )
            parts.append(f"| {' | '.join(cells)} |")
        parts.append("")
    return "\n".join(parts)


def _is_secret(field: FieldInfo) -> bool:
    return field.annotation is SecretStr


def _type_name(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(annotation))
    if get_origin(annotation) in (Union, types.UnionType):
        names = [_type_name(part) for part in get_args(annotation) if part is not type(None)]
        return " or ".join(names)
    if get_origin(annotation) is not None:
        return f"{get_origin(annotation).__name__} as JSON"
    plain = {SecretStr: "text", str: "text", bool: "true or false", Path: "path"}
    return plain.get(annotation) or str(getattr(annotation, "__name__", annotation))


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        return "**required**"
    if value is None or value == "" or (isinstance(value, SecretStr) and not value):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value}`"
