"""Group robots of WeCom, DingTalk, Feishu and Lark, which answer HTTP 200 to a refused message.

The result is a code in the body. apprise 2.2.0 looks at the HTTP status alone for these four and
reports success (measured against a double), so a page that never arrived would count as delivered.
Limits and codes are those of the services' own documentation of group robots.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

import httpx

from alerting.notify.channels.channel import ChannelRefusedError, ChannelUnavailableError
from alerting.notify.channels.text_parts import split_text

Service = Literal["wecom", "dingtalk", "feishu", "lark"]


@dataclass(frozen=True, slots=True)
class Robot:
    """One robot: ``token`` names it, ``secret`` signs its messages, empty for an unsigned one."""

    service: Service
    token: str
    secret: str = ""
    mobiles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RobotRequest:
    """What is posted for one part of a text; ``path`` follows the service's origin."""

    path: str
    query: dict[str, str]
    body: dict[str, object]


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one service is asked and how it answers.

    ``codes`` are the names of the field with the result, 0 for success, in the order of
    precedence. ``final`` holds the codes after which the same message fails again; after any
    other code it is sent again. ``max_bytes`` bounds the text of one message, in bytes of UTF-8.
    """

    max_bytes: int
    codes: tuple[str, ...]
    final: frozenset[int]
    request: Callable[[Robot, str, int], RobotRequest]


def _wecom(robot: Robot, text: str, _now_ms: int) -> RobotRequest:
    body: dict[str, object] = {"msgtype": "text", "text": {"content": text}}
    return RobotRequest("/cgi-bin/webhook/send", {"key": robot.token}, body)


def _dingtalk(robot: Robot, text: str, now_ms: int) -> RobotRequest:
    query = {"access_token": robot.token}
    if robot.secret:
        query["timestamp"] = str(now_ms)
        query["sign"] = _mac(robot.secret, f"{now_ms}\n{robot.secret}")
    body: dict[str, object] = {
        "msgtype": "text",
        "text": {"content": text},
        "at": {"atMobiles": list(robot.mobiles), "isAtAll": False},
    }
    return RobotRequest("/robot/send", query, body)


def _feishu(robot: Robot, text: str, now_ms: int) -> RobotRequest:
    body: dict[str, object] = {"msg_type": "text", "content": {"text": text}}
    if robot.secret:
        timestamp = str(now_ms // 1000)
        # The key is the time with the secret, and the message is empty: so the service defines it.
        body |= {"timestamp": timestamp, "sign": _mac(f"{timestamp}\n{robot.secret}", "")}
    return RobotRequest(f"/open-apis/bot/v2/hook/{robot.token}", {}, body)


def _mac(key: str, text: str) -> str:
    return base64.b64encode(hmac.digest(key.encode(), text.encode(), hashlib.sha256)).decode()


_FEISHU = Dialect(
    # 20 KB of the request, of which the text gets most.
    max_bytes=18_000,
    codes=("code", "StatusCode"),
    # Bad request, unknown robot, signature, address not allowed, keyword missing.
    final=frozenset({9499, 19001, 19002, 19021, 19022, 19024}),
    request=_feishu,
)
DIALECTS: Mapping[Service, Dialect] = {
    "wecom": Dialect(
        max_bytes=2_048,
        codes=("errcode",),
        # Kind of message, parameter, empty text, length, address of the robot.
        final=frozenset({40008, 40058, 44004, 45002, 93000, 93004, 93008}),
        request=_wecom,
    ),
    "dingtalk": Dialect(
        max_bytes=18_000,
        codes=("errcode",),
        # Parameter, kind of message, unknown robot, stopped robot, security check.
        final=frozenset({40035, 400013, 400101, 400102, 400105, 300001, 300005, 310000}),
        request=_dingtalk,
    ),
    "feishu": _FEISHU,
    "lark": _FEISHU,
}
ORIGINS: Mapping[Service, str] = {
    "wecom": "https://qyapi.weixin.qq.com",
    "dingtalk": "https://oapi.dingtalk.com",
    "feishu": "https://open.feishu.cn",
    "lark": "https://open.larksuite.com",
}
SCHEMES: Mapping[str, Service] = {
    "wecombot": "wecom",
    "dingtalk": "dingtalk",
    "feishu": "feishu",
    "lark": "lark",
}
"""Schemes of the addresses, as apprise has them."""


def robot_of(address: str) -> Robot | None:
    """The robot that an address names, None if it is one of another service.

    Takes apprise's form, ``feishu://TOKEN`` (``SECRET@TOKEN`` for a signed robot), and the
    address that the service itself shows.

    Raises:
        ChannelRefusedError: the address names one of the four services and no robot.
    """
    try:
        parts = urlsplit(address)
        host = (parts.hostname or "").lower()
        found = parts.netloc.rpartition("@")
    except ValueError:
        return None
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if parts.scheme.lower() in SCHEMES:
        service = SCHEMES[parts.scheme.lower()]
        token = query.get("token") or query.get("key") or unquote(found[2])
        secret = query.get("secret") or unquote(found[0].partition(":")[0])
        mobiles = tuple(part for part in parts.path.split("/") if part.isdigit())
        return _checked(Robot(service, token, secret, mobiles if service == "dingtalk" else ()))
    for service, origin in ORIGINS.items():
        if host == urlsplit(origin).hostname:
            token = query.get("key") or query.get("access_token") or _last(parts.path)
            return _checked(Robot(service, token, query.get("secret", "")))
    return None


def _last(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


def _checked(robot: Robot) -> Robot:
    named = robot.token.replace("-", "").replace("_", "")
    if not (named.isascii() and named.isalnum()):
        raise ChannelRefusedError("The chat's address has no token of a robot.")
    return robot


def send_text(client: httpx.Client, origin: str, robot: Robot, text: str, now_ms: int) -> None:
    """Send a text, in parts if it is long; after a fault all parts are sent again.

    Raises:
        ChannelUnavailableError: the service did not say that it took every part.
        ChannelRefusedError: the service refuses the message for good.
    """
    dialect = DIALECTS[robot.service]
    text = text.encode("utf-8", "replace").decode()  # half a surrogate pair cannot be sent
    for part in split_text(text, dialect.max_bytes):
        asked = dialect.request(robot, part, now_ms)
        try:
            response = client.post(
                f"{origin.rstrip('/')}{asked.path}", params=asked.query, json=asked.body
            )
        except httpx.HTTPError as error:
            raise ChannelUnavailableError(
                f"The chat service did not answer: {type(error).__name__}."
            ) from None
        _check(robot.service, dialect, response)


def _check(service: Service, dialect: Dialect, response: httpx.Response) -> None:
    code = _code(dialect, response)
    if code == 0 and response.status_code < 300:
        return
    if code in dialect.final:
        raise ChannelRefusedError(f"{service} refused the message with code {code}.")
    if code is None and response.status_code in (400, 401, 403, 404):
        raise ChannelRefusedError(f"{service} refused the message with {response.status_code}.")
    shown = f"{response.status_code} without a code" if code is None else f"code {code}"
    raise ChannelUnavailableError(f"{service} did not take the message: {shown}.")


def _code(dialect: Dialect, response: httpx.Response) -> int | None:
    """The code in the body; None without one, as from a proxy in between."""
    try:
        answer = response.json()
    except ValueError:
        return None
    if not isinstance(answer, dict):
        return None
    found = next((answer[name] for name in dialect.codes if name in answer), None)
    return found if isinstance(found, int) and not isinstance(found, bool) else None
