"""New options are used without a restart, all of them or none."""

from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest
from fastapi.testclient import TestClient
from prometheus_client import REGISTRY

from alerting.bootstrap.composition import Settings, build_app
from alerting.bootstrap.current_services import CurrentServices, FollowingPart, watch_options
from alerting.web.service_container import Services
from forewarn.errors import ConfigurationError
from forewarn.local.wait import wait_until
from forewarn.platform.settings import (
    AccessSettings,
    AlertingSettings,
    KafkaSettings,
    PrivacySettings,
    TraceSettings,
)
from tests.alerting.options import options

FAULTS = "forewarn_alerting_options_reload_failures_total"


class Part:
    """Notes what it was made from and whether it was closed."""

    def __init__(self, settings: AlertingSettings, _services: Services) -> None:
        self.seconds = settings.options.first_response.critical_seconds
        self.closed = False

    def turn(self, _stop: Event) -> float:
        return float(self.seconds)

    def close(self) -> None:
        self.closed = True


def test_a_part_is_made_again_between_two_turns(
    settings: AlertingSettings, services: Services
) -> None:
    current = CurrentServices(settings, lambda _settings: services)
    made: list[Part] = []

    def make(settings: AlertingSettings, services: Services) -> Part:
        made.append(Part(settings, services))
        return made[-1]

    part = FollowingPart(current, make)
    assert part.turn(Event()) == 60
    current.use(options(first_response={"critical_seconds": 45}))
    assert [one.closed for one in made] == [False]
    assert part.turn(Event()) == 45
    assert [one.closed for one in made] == [True, False]
    current.use(options(first_response={"critical_seconds": 45}))  # the same: nothing to do
    assert part.turn(Event()) == 45
    assert len(made) == 2


def test_options_that_do_not_fit_the_secrets_are_not_used(
    settings: AlertingSettings, services: Services, tmp_path: Path
) -> None:
    file = tmp_path / "alerting.toml"
    file.write_text("")
    settings = settings.model_copy(update={"options_file": file})

    def build(chosen: AlertingSettings) -> Services:
        if chosen.options.gateways.bank_url:
            raise ConfigurationError("Orders to the bank would not be signed.")
        return services

    current = CurrentServices(settings, build)
    watched = watch_options(current)
    before = REGISTRY.get_sample_value(FAULTS) or 0.0
    file.write_text("[gateways]\nbank_url = 'https://bank.example'\n")
    watched.turn(Event())
    assert current.pair[0].options.gateways.bank_url == ""
    assert watched.fault == "Orders to the bank would not be signed."
    assert REGISTRY.get_sample_value(FAULTS) == before + 1


@pytest.fixture
def whole(tmp_path: Path) -> Iterator[tuple[TestClient, Path]]:
    """The whole service with an options file."""
    file = tmp_path / "alerting.toml"
    file.write_text("[console]\nlanguage = 'zh'\n")
    alerting = AlertingSettings(
        database_url=f"sqlite:///{tmp_path / 'alerting.db'}",
        kafka_enabled=False,
        options_file=file,
        options=options(console={"language": "zh"}),
    )
    app = build_app(
        Settings(
            alerting=alerting,
            kafka=KafkaSettings(),
            access=AccessSettings(users_file=tmp_path / "users.json"),
            privacy=PrivacySettings(pseudonym_key="a key that only tests use"),
            trace=TraceSettings(),
        )
    )
    with TestClient(app) as client:
        yield client, file


def _shown_in(client: TestClient, language: str) -> bool:
    page = client.get("/console/sign-in", headers={"Accept-Language": "fr"}).text
    return f'lang="{language}"' in page


def test_the_running_service_follows_its_file_and_ignores_a_faulty_one(
    whole: tuple[TestClient, Path],
) -> None:
    client, file = whole
    assert _shown_in(client, "zh-Hans")
    before = REGISTRY.get_sample_value(FAULTS) or 0.0
    file.write_text("[console]\nlanguage = 'klingon'\n")
    wait_until(lambda: (REGISTRY.get_sample_value(FAULTS) or 0.0) > before, 30, what="the refusal")
    assert _shown_in(client, "zh-Hans")
    file.write_text("[console]\nlanguage = 'en'\n")
    wait_until(lambda: _shown_in(client, "en"), 30, what="the new language")
