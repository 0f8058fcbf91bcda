"""Two ports, one loop: whom the service believes about addresses, and when it does not start."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import httpx
import pytest
from starlette.responses import PlainTextResponse, StreamingResponse
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
def test_a_client_address_is_taken_from_a_trusted_proxy_only(proxies: list[str], seen: str) -> None:
    async def ask(client: httpx.AsyncClient, port: int, probes: int) -> list[str]:
        headers = {"X-Forwarded-For": "203.0.113.7"}
        answers = [
            await client.get(f"http://127.0.0.1:{one}/", headers=headers) for one in (port, probes)
        ]
        return [answer.text for answer in answers]

    assert while_serving(proxies, ask) == [seen, "probe"]


def test_a_taken_port_is_reported_with_the_setting_that_moves_it() -> None:
    setting = "FOREWARN_ALERTING_METRICS_PORT"
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(ConfigurationError, match=setting),
    ):
        listen("127.0.0.1", taken.getsockname()[1], setting=setting)


class StreamDouble:
    """An application whose responses last until ``end``; a response fills every buffer on its way."""

    def __init__(self, chunk: bytes) -> None:
        self.chunk = chunk
        self.over = asyncio.Event()
        self.open = 0

    def end(self) -> None:
        self.over.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await StreamingResponse(self.chunks())(scope, receive, send)

    async def chunks(self) -> AsyncIterator[bytes]:
        self.open += 1
        try:
            while not self.over.is_set():
                yield self.chunk
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.over.wait(), 0.01)
            yield b"the end"
        finally:
            self.open -= 1


def test_a_stop_ends_open_streams_in_order_instead_of_waiting_for_them() -> None:
    """A stream that the server waits for is cut off after the time for requests, without an end."""

    async def run() -> bytes:
        service = StreamDouble(b".")
        listener = listen("127.0.0.1", 0, setting="PORT")
        beside = listen("127.0.0.1", 0, setting="PROBES")
        first, second = servers(service, probe, proxies=[], end_streams=service.end)
        serving = asyncio.create_task(both(first, listener, second, beside))
        async with httpx.AsyncClient(timeout=30) as client:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
            async with client.stream("GET", url) as answer:
                parts = answer.aiter_bytes()
                text = await anext(parts)
                first.should_exit = True
                async for part in parts:
                    text += part
        await serving
        return text

    assert asyncio.run(run()).endswith(b"the end")


def test_a_reader_that_no_longer_takes_anything_gives_its_place_back() -> None:
    async def run() -> None:
        service = StreamDouble(b"." * 1_000_000)
        listener = listen("127.0.0.1", 0, setting="PORT", lost_seconds=0.5)
        beside = listen("127.0.0.1", 0, setting="PROBES")
        first, second = servers(service, probe, proxies=[], end_streams=service.end)
        serving = asyncio.create_task(both(first, listener, second, beside))
        with socket.create_connection(listener.getsockname()) as reader:
            reader.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            async with asyncio.timeout(30):
                while not service.open:
                    await asyncio.sleep(0.01)
                while service.open:  # the reader is there all the time, and reads nothing
                    await asyncio.sleep(0.01)
        first.should_exit = True
        await serving

    asyncio.run(run())
