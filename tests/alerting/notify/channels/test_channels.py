"""Channels over real HTTP: signed, refused, retried; nothing secret in what is kept."""

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from alerting.bootstrap.gateways import gateway_secrets
from alerting.notify.channels.channel import ChannelRefusedError, ChannelUnavailableError, Message
from alerting.notify.channels.chat_robots import ORIGINS
from alerting.notify.channels.http_channel import HttpChannel, sms_body
from alerting.notify.channels.team_channels import ChatChannel, WebhookChannel
from alerting.notify.routing.routing_source import RoutingSource
from forewarn.errors import ConfigurationError
from forewarn.platform.clock import system_clock
from forewarn.platform.request_signature import MAX_AGE_SECONDS, Signed, is_signed, sign
from forewarn.platform.settings import AlertingSettings
from tests.alerting.factory import NOW_MS
from tests.alerting.options import options
from tests.doubles.http_gateway import GatewayDouble

ROUTING = """
version = 1
[route]
receiver = "teams"
[[receivers]]
name = "teams"
team = "teams"
pages = [
  { channel = "webhook", address = "https://user:token@one.example.org/hook" },
  { channel = "webhook", address = "https://two.example.org/hook" },
  { channel = "chat", address = "slack://TOKEN/CHANNEL" },
]
"""
MESSAGE = Message("d-1", "sms", "victim", "+8613800001111", "hello", "en")


@pytest.fixture
def gateway() -> Iterator[GatewayDouble]:
    with GatewayDouble(secret="shared") as double:
        yield double


def channel(gateway: GatewayDouble, secret: str = "shared", timeout: float = 5) -> HttpChannel:
    client = httpx.Client(timeout=timeout)
    return HttpChannel("sms", gateway.url("sms"), secret, client, system_clock, sms_body)


def test_a_gateway_can_tell_our_requests_from_others(gateway: GatewayDouble) -> None:
    receipt = channel(gateway).send(MESSAGE)
    assert receipt.reference == "ref-d-1"
    [request] = gateway.acted("sms")
    assert request.signed
    with pytest.raises(ChannelRefusedError):
        channel(gateway, secret="guessed").send(MESSAGE)


def test_the_same_message_twice_is_acted_on_once(gateway: GatewayDouble) -> None:
    channel(gateway).send(MESSAGE)
    channel(gateway).send(MESSAGE)
    assert (len(gateway.received()), len(gateway.acted())) == (2, 1)


@pytest.mark.parametrize(
    ("status", "error"),
    [(503, ChannelUnavailableError), (429, ChannelUnavailableError), (400, ChannelRefusedError)],
)
def test_a_status_says_whether_to_try_again(
    gateway: GatewayDouble, status: int, error: type[Exception]
) -> None:
    gateway.behaviour.fail_next, gateway.behaviour.fail_status = 1, status
    with pytest.raises(error) as raised:
        channel(gateway).send(MESSAGE)
    assert "+86138" not in str(raised.value)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"status": "refused"}, ChannelRefusedError),
        ({"status": "failed"}, ChannelUnavailableError),
        ({"errcode": 93000}, ChannelUnavailableError),
        ({"ok": False}, ChannelUnavailableError),
        ({"success": False}, ChannelUnavailableError),
    ],
)
def test_a_fault_in_the_body_of_a_2xx_answer_counts(
    gateway: GatewayDouble, answer: dict[str, object], error: type[Exception]
) -> None:
    gateway.behaviour.answer = answer
    with pytest.raises(error):
        channel(gateway).send(MESSAGE)


def test_a_chat_behind_apprise_gets_the_time_out_of_the_options(
    gateway: GatewayDouble, tmp_path: Path
) -> None:
    """Also where the address asks for more time than the delivery's lease lasts."""
    port = urlsplit(gateway.url("")).port
    address = f"json://127.0.0.1:{port}/chat?rto=60&cto=60"
    file = tmp_path / "routing.toml"
    file.write_text(ROUTING.replace("slack://TOKEN/CHANNEL", address))
    routing = RoutingSource(file, lambda: NOW_MS, reload_seconds=60)
    chat = ChatChannel(routing, httpx.Client(), ORIGINS, system_clock, timeout_seconds=0.1)
    gateway.behaviour.delay_seconds = 2
    with pytest.raises(ChannelUnavailableError):
        chat.send(replace(MESSAGE, address="teams#2"))


def test_a_gateway_that_hangs_or_is_gone_is_tried_again(gateway: GatewayDouble) -> None:
    gateway.behaviour.delay_seconds = 1
    with pytest.raises(ChannelUnavailableError):
        channel(gateway, timeout=0.1).send(MESSAGE)
    gone = HttpChannel(
        "sms", "http://127.0.0.1:1/sms", "", httpx.Client(timeout=1), system_clock, sms_body
    )
    with pytest.raises(ChannelUnavailableError):
        gone.send(MESSAGE)


SIGNED = Signed("report", "d-1", "k-1", b"body")


@pytest.mark.parametrize(
    "other",
    [
        Signed("request", "d-1", "k-1", b"body"),
        Signed("report", "d-2", "k-1", b"body"),
        Signed("report", "d-1", "k-2", b"body"),
        Signed("report", "d-1", "k-1", b"other"),
        Signed("report", "d-1k-1", "", b"body"),
    ],
    ids=str,
)
def test_a_signature_holds_for_one_delivery_one_way_and_nothing_else(other: Signed) -> None:
    headers = sign("shared", SIGNED, NOW_MS)
    assert is_signed("shared", headers, SIGNED, NOW_MS)
    assert not is_signed("shared", headers, other, NOW_MS)


def test_a_signature_holds_for_its_secret_and_its_time() -> None:
    headers = sign("shared", SIGNED, NOW_MS)
    late_ms = NOW_MS + (MAX_AGE_SECONDS + 1) * 1000
    assert not is_signed("other", headers, SIGNED, NOW_MS)
    assert not is_signed("shared", headers, SIGNED, late_ms)
    assert not is_signed("shared", {}, SIGNED, NOW_MS)
    assert not is_signed("", sign("", SIGNED, NOW_MS), SIGNED, NOW_MS)


def test_the_documented_signature_is_the_one_that_is_made() -> None:
    signed = b"report\nd-1\nk-1\n" + str(NOW_MS // 1000).encode() + b"\nbody"
    digest = hmac.new(b"shared", signed, hashlib.sha256).hexdigest()
    assert sign("shared", SIGNED, NOW_MS)["Forewarn-Signature"] == f"v2={digest}"


@pytest.mark.parametrize(
    "settings",
    [
        {"options": options(gateways={"bank_url": "https://bank.example"})},
        {
            "options": options(gateways={"operator_url": "https://operator.example"}),
            "bank_secret": "of the bank",
        },
        {"sms_secret": "the same", "voice_secret": "the same"},
    ],
    ids=str,
)
def test_no_order_goes_unsigned_and_no_gateway_can_answer_for_another(
    settings: dict[str, Any],
) -> None:
    with pytest.raises(ConfigurationError):
        gateway_secrets(AlertingSettings(**settings))


def test_teams_share_a_breaker_by_host_and_no_secret_names_one(tmp_path: Path) -> None:
    """One team's system that is down must not hold back the pages of all others."""
    file = tmp_path / "routing.toml"
    file.write_text(ROUTING)
    routing = RoutingSource(file, lambda: NOW_MS, reload_seconds=60)
    webhook = WebhookChannel(routing, "", httpx.Client(), system_clock)
    chat = ChatChannel(routing, httpx.Client(), ORIGINS, system_clock, timeout_seconds=1)

    def to(number: int) -> Message:
        return replace(MESSAGE, address=f"teams#{number}")

    assert webhook.gateway(to(0)) == "webhook:one.example.org"
    assert webhook.gateway(to(1)) == "webhook:two.example.org"
    assert webhook.gateway(to(9)) == "webhook"  # gone from the file: sending it says so
    assert chat.gateway(to(2)) == "chat:teams#2"
