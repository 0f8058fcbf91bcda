"""Two ports, one loop: whom the service believes about addresses, and when it does not start."""

import asyncio
import socket
from collections.abc import Awaitable, Callable

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from alerting.web.http_server import both, is_loopback, listen, servers, trusted_proxies
from forewarn.errors import ConfigurationError

HTTPS = "https://forewarn.example"


@pytest.mark.parametrize(
    ("text", "public_url", "host", "trusted"),
    [
        ("", "http://127.0.0.1:8700", "127.0.0.1", ["127.0.0.1", "::1"]),
        ("", HTTPS, "127.0.0.1", ["127.0.0.1", "::1"]),
        ("", "http://forewarn.example", "0.0.0.0", ["127.0.0.1", "::1"]),
        ("10.42.0.0/16, 10.1.2.3", HTTPS, "0.0.0.0", ["10.42.0.0/16", "10.1.2.3"]),
    ],
)
def test_only_named_proxies_and_this_machine_are_believed(
    text: str, public_url: str, host: str, trusted: list[str]
) -> None:
    assert trusted_proxies(text, public_url=public_url, host=host) == trusted


@pytest.mark.parametrize(
    ("text", "host"),
    [("", "0.0.0.0"), ("", "10.0.0.5"), ("ingress", "0.0.0.0"), ("*", "0.0.0.0")],
)
def test_behind_a_proxy_that_is_not_named_the_service_does_not_start(text: str, host: str) -> None:
    with pytest.raises(ConfigurationError, match="FOREWARN_ALERTING_TRUSTED_PROXIES"):
        trusted_proxies(text, public_url=HTTPS, host=host)


def test_loopback_is_loopback_by_any_name() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.1.2.3", "::1", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "10.0.0.1", "example.org")))


async def address(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that answers with the client's address."""
    if scope["type"] == "http":
        await PlainTextResponse(scope["client"][0])(scope, receive, send)


async def probe(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that stands for the probes."""
    await PlainTextResponse("probe")(scope, receive, send)


def while_serving(
    proxies: list[str], ask: Callable[[httpx.AsyncClient, int, int], Awaitable[list[str]]]
) -> list[str]:
    async def run() -> list[str]:
        listener = listen("127.0.0.1", 0, setting="PORT")
        beside = listen("127.0.0.1", 0, setting="PROBES")
        service: ASGIApp = address
        first, second = servers(service, probe, proxies=proxies)
        serving = asyncio.create_task(both(first, listener, second, beside))
        ports = listener.getsockname()[1], beside.getsockname()[1]
        async with httpx.AsyncClient(timeout=30) as client:
            answers = await ask(client, *ports)
        first.should_exit = True
        await serving
        assert not second.started or second.should_exit
        return answers

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("proxies", "seen"), [(["127.0.0.0/8"], "203.0.113.7"), (["10.0.0.1"], "127.0.0.1")]
)
def test_a_client_is_told_apart_by_a_trusted_proxy_and_by_nobody_else(
    proxies: list[str], seen: str
) -> None:
    async def ask(client: httpx.AsyncClient, port: int, probes: int) -> list[str]:
        headers = {"X-Forwarded-For": "203.0.113.7"}
        answers = [
            await client.get(f"http://127.0.0.1:{one}/", headers=headers) for one in (port, probes)
        ]
        return [answer.text for answer in answers]

    assert while_serving(proxies, ask) == [seen, "probe"]


def test_a_taken_port_is_told_with_the_setting_that_moves_it() -> None:
    setting = "FOREWARN_ALERTING_METRICS_PORT"
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(ConfigurationError, match=setting),
    ):
        listen("127.0.0.1", taken.getsockname()[1], setting=setting)
