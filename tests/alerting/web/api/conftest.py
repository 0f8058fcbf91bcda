"""The application over the service layer, with a service key and three people's keys."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry

from alerting.access.grants import Grants
from alerting.bootstrap.access_components import build_access
from alerting.web.application import bind, create_app
from alerting.web.service_container import Services
from forewarn.platform.settings.access_settings import AccessSettings
from forewarn.platform.settings.alerting_options import SessionTable
from tests.alerting.factory import Clock

SERVICE_KEY = "a-key-that-only-tests-use"


@pytest.fixture(scope="session")
def built_apps() -> list[FastAPI]:
    """The session's application, once built: its routes take longer to build than most tests to run."""
    return []


@pytest.fixture
def app(services: Services, clock: Clock, tmp_path: Path, built_apps: list[FastAPI]) -> FastAPI:
    settings = AccessSettings(users_file=tmp_path / "users.json")
    many = SessionTable(person_requests_per_second=100_000, service_requests_per_second=100_000)
    access = build_access(
        settings=settings,
        sessions=many,
        database=services.db,
        public_url="http://testserver",
        service_key=SERVICE_KEY,
        clock=clock,
        hasher=PasswordHasher(time_cost=1, memory_cost=8, parallelism=1),
    )
    if not built_apps:
        built_apps.append(create_app(services, access, registry=CollectorRegistry()))
    bind(built_apps[0], services, access)
    return built_apps[0]


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    """With the service key of the settings."""
    with TestClient(app, raise_server_exceptions=False) as built:
        built.headers["Authorization"] = f"Bearer {SERVICE_KEY}"
        yield built


@pytest.fixture
def key_for(app: FastAPI, clock: Clock) -> Callable[..., dict[str, str]]:
    """Headers of a new key with some roles and districts."""

    def make(*roles: str, tenants: tuple = ("*",), districts: tuple = ("*",)) -> dict[str, str]:
        _, key = app.state.access.keys.create(
            name="test", grants=Grants.of(list(roles), list(tenants), list(districts)),
            created_by="test", days=1, now_ms=clock(),
        )  # fmt: skip
        return {"Authorization": f"Bearer {key}"}

    return make
