"""What a test does on a machine that lacks something."""

import importlib
import os
from typing import Any

import pytest


def missing_server(reason: str) -> None:
    """Skip the test on a machine without the server; in CI nothing may be missing, so fail."""
    if os.environ.get("CI", "").lower() in ("1", "true", "yes"):
        pytest.fail(f"CI must have everything: {reason}", pytrace=False)
    pytest.skip(reason)


def needed(module: str) -> Any:
    """A module that not every installation has; without it the test skips, and in CI fails."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        return missing_server(f"{error.name} is not installed")
