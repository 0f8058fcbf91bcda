"""Serves the service on one port and its probes and metrics on another, in one event loop.

The second port is for Kubernetes and Prometheus and must not be exposed further. Both share the
event loop, so a loop that hangs fails the liveness probe.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from forewarn.errors import ConfigurationError

GRACE_SECONDS = 10
"""How long requests that are under way may take after a signal; open feeds end at once."""

LOST_SECONDS = 30.0
"""Time without an acknowledgement after which a connection is taken for lost. Linux alone would send
again for a quarter of an hour, in which a terminal that lost its network keeps its place."""
LOOPBACK = ("127.0.0.1", "::1")


def trusted_proxies(text: str, *, public_url: str, host: str) -> list[str]:
    """Parse the proxies that are trusted to report client addresses: addresses and networks, by commas.

    Raises:
        ConfigurationError: one is neither, or the service is behind a proxy and none is named. All
            clients would then share the proxy's address, and one of them could lock out all others.
    """
    named = [part.strip() for part in text.split(",") if part.strip()]
    for part in named:
        try:
            ipaddress.ip_network(part)
        except ValueError:
            raise ConfigurationError(
                f"{part!r} is neither an address nor a network.",
                hint="Set FOREWARN_ALERTING_TRUSTED_PROXIES to such as 10.42.0.0/16.",
            ) from None
    if not named and public_url.startswith("https://") and not is_loopback(host):
        raise ConfigurationError(
            "The service is behind a proxy, and none is trusted to tell clients apart.",
            hint="Set FOREWARN_ALERTING_TRUSTED_PROXIES to its address or network.",
        )
    return named or list(LOOPBACK)


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect to the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def listen(
    host: str, port: int, *, setting: str, lost_seconds: float = LOST_SECONDS
) -> socket.socket:
    """Bind a port before anything starts, so that a port in use gives one clear error.

    Args:
        host: the address.
        port: the port; 0 takes a free one.
        setting: names the port in the error.
        lost_seconds: after so long without an acknowledgement a connection ends.

    Raises:
        ConfigurationError: the port cannot be bound.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; connections inherit it
        milliseconds = round(lost_seconds * 1000)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ConfigurationError(
            f"The service cannot listen on {host}:{port}: {error.strerror}.",
            hint=f"Set FOREWARN_ALERTING_HOST and {setting}.",
        ) from None
    listener.listen(1024)
    return listener


def serve(
    service: ASGIApp,
    listener: socket.socket,
    probes: ASGIApp,
    probes_listener: socket.socket,
    *,
    proxies: Sequence[str],
    end_streams: Callable[[], None],
) -> None:
    """Serve both until a signal asks to stop; then ``end_streams`` ends the responses that would not."""
    first, second = servers(service, probes, proxies=proxies, end_streams=end_streams)
    with asyncio.Runner(loop_factory=first.config.get_loop_factory()) as runner:
        runner.run(both(first, listener, second, probes_listener))


def servers(
    service: ASGIApp,
    probes: ASGIApp,
    *,
    proxies: Sequence[str],
    end_streams: Callable[[], None] = lambda: None,
) -> tuple[uvicorn.Server, uvicorn.Server]:
    """The two servers; the second leaves signals and the start of the service to the first."""
    config = uvicorn.Config(
        service,
        log_level="warning",
        access_log=False,  # paths hold case ids
        server_header=False,
        forwarded_allow_ips=list(proxies),
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    probe_config = uvicorn.Config(
        probes,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    return _StreamServer(config, end_streams), _ProbeServer(probe_config)


class _StreamServer(uvicorn.Server):
    """A server that ends responses without an end before it waits for the others."""

    def __init__(self, config: uvicorn.Config, end_streams: Callable[[], None]) -> None:
        super().__init__(config)
        self._end_streams = end_streams

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop accepting, end the streams, wait for requests that are under way."""
        self._end_streams()
        await super().shutdown(sockets)


class _ProbeServer(uvicorn.Server):
    """A server that leaves signals to the main one."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture no signals."""
        yield


async def both(
    service: uvicorn.Server,
    listener: socket.socket,
    probes: uvicorn.Server,
    probes_listener: socket.socket,
) -> None:
    """Serve the probes for as long as the service, its shutdown included."""
    serving_probes = asyncio.create_task(probes.serve(sockets=[probes_listener]))
    try:
        await service.serve(sockets=[listener])
    finally:
        probes.should_exit = True
        await serving_probes
