"""Fixtures of the tests of manifests."""

import shutil
from collections.abc import Callable

import pytest


@pytest.fixture
def kustomize(require: Callable[[bool, str], None]) -> None:
    """Skips, or in CI fails, where overlays cannot be made."""
    found = shutil.which("kubectl") or shutil.which("kustomize")
    require(found is not None, "neither kubectl nor kustomize is on the PATH")
