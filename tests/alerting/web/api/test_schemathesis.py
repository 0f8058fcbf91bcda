"""The API does what its OpenAPI document says, for generated requests."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import schemathesis
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import CHECKS

from alerting.access import ROLES
from tests.alerting.factory import Clock

EXAMPLES = 12
ENDLESS = "/v1/patrol/feed"
NOT_PROMISED = (
    # A request may fit its schema and be refused all the same: a pair without a subscriber, a
    # period that ends before it starts, a report that is not signed.
    "positive_data_acceptance",
    "unsupported_method",
)
EVENT_BODIES = ("/v1/warnings",)
"""Read by the events' own decoder, which ignores fields that it does not know."""


@pytest.fixture
def database_url(sqlite_template: Path, tmp_path: Path) -> str:
    """SQLite is enough here: what differs between the databases is tested elsewhere."""
    path = tmp_path / "alerting.db"
    path.write_bytes(sqlite_template.read_bytes())
    return f"sqlite:///{path}"


def test_no_request_breaks_the_api_or_its_document(
    app: FastAPI, client: TestClient, clock: Clock, key_for: Callable[..., dict[str, str]]
) -> None:
    """Every operation, with an all-powerful key, so that nothing hides behind a 403."""
    headers = key_for(*ROLES)
    schema = schemathesis.openapi.from_asgi("/openapi.json", app).exclude(path=ENDLESS)
    checks = [check for check in CHECKS.get_all() if check.__name__ not in NOT_PROMISED]
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) > 20
    faults = []
    statuses: Counter[int] = Counter()
    bounds = settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )

    def send(case: schemathesis.Case) -> None:
        clock.advance(seconds=2)  # the checks try many wrong keys, which are limited
        own = case.operation.path in EVENT_BODIES
        lax = [check for check in checks if check.__name__ != "negative_data_rejection"]
        answer = case.call_and_validate(headers=headers, checks=lax if own else checks)
        statuses[answer.status_code] += 1

    for operation in operations:
        run = bounds(given(case=operation.as_strategy())(send))
        try:
            run()
        except Exception as error:  # noqa: BLE001 - all faults in one report
            faults.append(f"{operation.method.upper()} {operation.path}: {error}")
    assert not faults, "\n\n".join(faults)
    assert {200, 201, 404, 422} <= set(statuses), statuses
