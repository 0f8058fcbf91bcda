"""Sections of settings, read in this order: environment variables first, then files of a secrets directory.

Only composition roots (the command line, the worker's and the service's entry points) call
``load``; everything else is handed values. A secret is best given as a file named like its
variable in lower case inside ``FOREWARN_SECRETS_DIR`` (Kubernetes mounts them so).
"""

import os
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from forewarn.errors import ConfigurationError

SECRETS_DIR_VARIABLE = "FOREWARN_SECRETS_DIR"


class Section(BaseSettings):
    """One section of settings; a subclass sets ``env_prefix``."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)


S = TypeVar("S", bound=Section)


def load(section: type[S], **overrides: Any) -> S:
    """Read one section from the environment and the secrets directory.

    Raises:
        ConfigurationError: naming the variable and what is wrong with it.
    """
    directory = os.environ.get(SECRETS_DIR_VARIABLE)
    secrets = directory if directory and Path(directory).is_dir() else None
    try:
        return section(_secrets_dir=secrets, **overrides)
    except ValidationError as error:
        prefix = section.model_config.get("env_prefix", "")
        faults = "; ".join(
            f"{prefix}{'_'.join(str(part) for part in fault['loc']).upper()}: {fault['msg']}"
            for fault in error.errors()
        )
        raise ConfigurationError(
            f"settings are not valid: {faults}.",
            hint="See docs/settings.md; the settings of a stack on this machine are in its file stack.env"
            " (`set -a; . .forewarn/stack.env`).",
        ) from None
