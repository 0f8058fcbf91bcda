"""What a test does on a machine that lacks something."""

import importlib
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

import pytest

SERVER_FIXTURES = frozenset(
    [
        "kafka",
        "redis_session",
        "redis_cluster",
        "other_servers",
        "postgres",
        "chromium",
        "kustomize",
        "promtool",
        "servers",
    ]
)
"""Fixtures that start a server or an outside program; tests that use one carry the mark ``system``."""

SLOW = (
    "tests/alerting/linkage/test_sweeper.py",
    "tests/alerting/notify/dispatch/test_withheld.py",
    "tests/alerting/web/api/test_schemathesis.py",
    "tests/features/test_compilation.py",
    "tests/forewarn/api/test_examples.py",
    "tests/forewarn/local/test_shadowing.py",
    "tests/forewarn/simulator/test_no_shortcut.py",
    "tests/models/registry/test_promotion_gates.py",
    "tests/models/serving/test_calibration.py",
    "tests/models/tabular/test_table_dataset.py",
    "tests/models/test_commands.py",
    "tests/models/test_notebook.py",
    "tests/models/training/test_public_layouts.py",
    "tests/models/training/test_training_run.py",
    "tests/oracle/test_oracle.py",
)
"""Modules with tests of seconds of processor time (measured one by one); they carry the mark ``slow``."""

INSTALL = {
    r"pg_dump is of another": "nothing; `make test` covers it",
    r"PostgreSQL \d+ for": "unset FOREWARN_TEST_POSTGRES",
    r"pgbouncer": "apt-get install pgbouncer",
    r"postgres|initdb": "apt-get install postgresql",
    r"chromium": "apt-get install chromium fonts-noto-cjk",
    r"promtool|prometheus": "apt-get install prometheus",
    r"redis": "apt-get install redis-server",
    r"kubectl|kustomize": "kubectl, or go install sigs.k8s.io/kustomize/kustomize/v5@v5.7.1",
    r"kafka|java": "make install, and a network that reaches the package index and Maven Central",
    r"is not installed": "make install",
    r"git checkout": "clone the repository with git",
}
"""What to install, by a pattern in the reason of a skipped test."""


def missing_server(reason: str) -> NoReturn:
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


def skipped_summary(reasons: Iterable[str]) -> Iterator[str]:
    """For each reason of skipped tests: their number, the reason, and what to install."""
    for reason, count in Counter(reasons).most_common():
        plain = reason.removeprefix("Skipped: ")
        hints = [
            hint for pattern, hint in INSTALL.items() if re.search(pattern, plain, re.IGNORECASE)
        ]
        yield f"{count} skipped: {plain}. Install: {hints[0] if hints else 'see the reason'}"
