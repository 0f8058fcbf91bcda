"""The town with its gateways, over real HTTP and SMTP."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from alerting.bootstrap.service_layer import build_services
from forewarn.platform.pseudonyms import Pseudonymiser
from forewarn.platform.settings import AlertingSettings
from tests.alerting.factory import NOW_MS, Clock
from tests.alerting.notify.dispatch.town import ROUTING, Town
from tests.alerting.options import options
from tests.doubles.http_gateway import GatewayDouble
from tests.doubles.smtp_server import SmtpDouble


@pytest.fixture
def gateways() -> Iterator[GatewayDouble]:
    with GatewayDouble(secret="shared") as double:
        yield double


@pytest.fixture
def mail() -> Iterator[SmtpDouble]:
    with SmtpDouble() as double:
        yield double


@pytest.fixture
def town(
    database_url: str,
    db: object,
    gateways: GatewayDouble,
    mail: SmtpDouble,
    tmp_path: Path,
    pseudonymiser: Pseudonymiser,
) -> Iterator[Town]:
    clock = Clock(NOW_MS)
    chat = gateways.url("chat").replace("http://", "json://")
    file = tmp_path / "routing.toml"
    file.write_text(ROUTING.format(hook=gateways.url("hook"), chat=chat))
    settings = AlertingSettings(
        database_url=database_url,
        routing_file=file,
        bank_secret="of the bank",
        operator_secret="of the operator",
        options=options(
            gateways={
                "sms_url": gateways.url("sms"),
                "voice_url": gateways.url("voice"),
                "bank_url": gateways.url("bank"),
                "operator_url": gateways.url("operator"),
                "timeout_seconds": 2,
            },
            smtp={"url": mail.url, "starttls": False},
            messages={"language": "en"},
        ),
        replica="one",
    )
    built = Town(build_services(settings, db, clock, pseudonymiser), settings, clock)
    # Signatures are checked against the wall clock of the double.
    gateways.secret = ""
    yield built
    built.courier.close()
