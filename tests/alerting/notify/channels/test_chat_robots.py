"""Chat services that answer 200 to a refused message, over real HTTP."""

from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.bootstrap.gateways import chat_origins
from alerting.notify.channels.channel import ChannelRefusedError, ChannelUnavailableError, Message
from alerting.notify.channels.chat_robots import (
    DIALECTS,
    ORIGINS,
    SCHEMES,
    Service,
    robot_of,
    send_text,
)
from alerting.notify.channels.team_channels import ChatChannel
from alerting.notify.channels.text_parts import CUT, MAX_PARTS, json_bytes, split_text
from alerting.notify.routing.routing_source import RoutingSource
from forewarn.platform.settings import AlertingSettings
from tests.alerting.factory import NOW_MS
from tests.alerting.options import options
from tests.doubles.chat_services import ChatDouble

SERVICES: tuple[Service, ...] = ("wecom", "dingtalk", "feishu", "lark")
SCHEME = {service: scheme for scheme, service in SCHEMES.items()}
TOKEN = {"wecom": "T0ken-1", "dingtalk": "T0ken1", "feishu": "T0ken-1", "lark": "T0ken-1"}
REFUSALS = {"wecom": 93000, "dingtalk": 310000, "feishu": 19001, "lark": 19024}
BUSY = {"wecom": 45009, "dingtalk": 410100, "feishu": 11232, "lark": 11232}


def post(double: ChatDouble, text: str, address: str = "", timeout: float = 5.0) -> None:
    scheme = SCHEME[double.service]  # type: ignore[index]  # one of the four
    robot = robot_of(address or f"{scheme}://{double.token}")
    assert robot is not None
    with httpx.Client(timeout=timeout) as client:
        send_text(client, double.origin, robot, text, NOW_MS)


@pytest.mark.parametrize("service", SERVICES)
def test_a_message_that_the_service_took_is_sent(service: Service) -> None:
    with ChatDouble(service, TOKEN[service]) as double:
        post(double, "【紧急】新预警 c-1")
    assert double.texts == ["【紧急】新预警 c-1"]


@pytest.mark.parametrize("service", SERVICES)
def test_a_refusal_behind_http_200_is_a_refusal(service: Service) -> None:
    with ChatDouble(service, TOKEN[service]) as double:
        double.behaviour.codes = [REFUSALS[service]]
        with pytest.raises(ChannelRefusedError, match=str(REFUSALS[service])):
            post(double, "text")
    assert double.texts == []


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(
    "answer", ["busy", "<html>sign in</html>", "[]", '{"errcode": null}', "{}"]
)
def test_an_answer_without_success_is_tried_again(service: Service, answer: str) -> None:
    """Also a page of a proxy in between, which a status alone would count as delivered."""
    with ChatDouble(service, TOKEN[service]) as double:
        double.behaviour.codes = [BUSY[service] if answer == "busy" else answer]
        with pytest.raises(ChannelUnavailableError):
            post(double, "text")


@pytest.mark.parametrize("service", SERVICES)
def test_a_chat_service_that_hangs_is_tried_again(service: Service) -> None:
    with ChatDouble(service, TOKEN[service]) as double:
        double.behaviour.delay_seconds = 1
        with pytest.raises(ChannelUnavailableError):
            post(double, "text", timeout=0.1)


@pytest.mark.parametrize("service", ["dingtalk", "feishu", "lark"])
def test_a_robot_with_a_secret_signs_its_messages(service: Service) -> None:
    with ChatDouble(service, TOKEN[service], secret="SECabc") as double:
        post(double, "signed", f"{SCHEME[service]}://SECabc@{TOKEN[service]}")
        with pytest.raises(ChannelRefusedError):
            post(double, "unsigned")
        with pytest.raises(ChannelRefusedError):
            post(double, "wrong", f"{SCHEME[service]}://SECabd@{TOKEN[service]}")
    assert double.texts == ["signed"]


@pytest.mark.parametrize("service", SERVICES)
def test_a_long_chinese_text_arrives_whole_in_parts_that_the_service_takes(
    service: Service,
) -> None:
    lines = [f"【紧急】新预警 c-{number}，冒充公检法，辖区衡阳“雁峰”" for number in range(300)]
    text = "\n".join(lines)
    assert len(text) < 20_000 < len(text.encode())
    if service == "wecom":  # ten parts hold less than this text
        text = "\n".join(lines[:200])
    with ChatDouble(service, TOKEN[service]) as double:
        post(double, text)
    assert "\n".join(double.texts) == text
    assert len(double.texts) > 1


@given(
    text=st.text(max_size=300),
    max_bytes=st.integers(14, 60),
    max_parts=st.integers(1, 6),
)
def test_parts_fit_and_lose_nothing_but_what_the_cut_names(
    text: str, max_bytes: int, max_parts: int
) -> None:
    parts = split_text(text, max_bytes, max_parts)
    assert 1 <= len(parts) <= max_parts
    assert all(json_bytes(part) <= max_bytes for part in parts)
    kept = "".join(parts)
    if parts[-1].endswith(CUT) and not text.endswith(CUT):
        kept = kept.removesuffix(CUT)
        assert text.replace("\n", "").startswith(kept.replace("\n", ""))
    else:
        assert kept.replace("\n", "") == text.replace("\n", "")


def test_a_text_beyond_all_parts_says_that_it_was_cut() -> None:
    parts = split_text("诈" * 10_000, DIALECTS["wecom"].max_bytes)
    assert len(parts) == MAX_PARTS
    assert parts[-1].endswith(CUT)


@pytest.mark.parametrize(
    ("address", "token"),
    [
        ("wecombot://aBc-1", "aBc-1"),
        ("https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=aBc-1", "aBc-1"),
        ("dingtalk://aBc1/13800001111", "aBc1"),
        ("https://oapi.dingtalk.com/robot/send?access_token=aBc1", "aBc1"),
        ("feishu://aBc_1", "aBc_1"),
        ("https://open.feishu.cn/open-apis/bot/v2/hook/aBc-1", "aBc-1"),
        ("lark://aBc-1/", "aBc-1"),
        ("https://open.larksuite.com/open-apis/bot/v2/hook/aBc-1", "aBc-1"),
    ],
)
def test_an_address_names_its_robot_in_either_form(address: str, token: str) -> None:
    robot = robot_of(address)
    assert robot is not None
    assert robot.token == token


@pytest.mark.parametrize("address", ["feishu://", "wecombot://a/../b?key=a%2Fb", "lark://a:80"])
def test_an_address_without_a_robot_is_refused_for_good(address: str) -> None:
    with pytest.raises(ChannelRefusedError):
        robot_of(address)


@pytest.mark.parametrize("address", ["slack://a/b/c", "https://example.org/hook", "http://[", ""])
def test_other_services_are_left_to_apprise(address: str) -> None:
    assert robot_of(address) is None


def test_the_channel_finds_the_robot_in_the_routing_file_and_its_origin_in_the_options(
    tmp_path: Path,
) -> None:
    file = tmp_path / "routing.toml"
    with ChatDouble("feishu") as double:
        file.write_text(
            'version = 1\n[route]\nreceiver = "a"\n[[receivers]]\nname = "a"\nteam = "a"\n'
            f'pages = [{{ channel = "chat", address = "feishu://{double.token}" }}]\n'
        )
        settings = AlertingSettings(options=options(chat={"feishu_url": double.origin}))
        origins = chat_origins(settings)
        assert origins["wecom"] == ORIGINS["wecom"]
        routing = RoutingSource(file, lambda: NOW_MS, reload_seconds=60)
        with httpx.Client(timeout=5) as client:
            chat = ChatChannel(routing, client, origins, lambda: NOW_MS, timeout_seconds=5)
            chat.send(Message("d-1", "chat", "team", "a#0", "到岗", "zh"))
    assert double.texts == ["到岗"]
