"""When a request came, also to a loop that was held up."""

import asyncio
import socket
import sys
import time
from typing import Any

import pytest
import uvloop

from streams.decisions.request_arrival import arrival_of

HELD_UP_SECONDS = 0.1
STEP_SECONDS = 0.02
"""Of the kernel's clock, at most."""


class Listener(asyncio.Protocol):
    """Notes when its first bytes came and when they were read."""

    def __init__(self) -> None:
        self.transport: Any = None
        self.seen: asyncio.Future[tuple[float, float]] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        self.seen.set_result((arrival_of(self.transport, now), now))


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_loop_that_is_held_up_knows_since_when_a_request_lies_there(run: Any) -> None:
    """The connection is not even accepted while the loop does something else."""

    async def story() -> tuple[float, float, float]:
        listener = Listener()
        server = await asyncio.get_running_loop().create_server(
            lambda: listener, "127.0.0.1", 0, start_serving=True
        )
        with socket.create_connection(server.sockets[0].getsockname()) as bank:
            bank.sendall(b"question")
            sent = time.monotonic()
            time.sleep(HELD_UP_SECONDS)  # noqa: ASYNC251 - this is what holds it up
            arrived, read = await listener.seen
        server.close()
        return sent, arrived, read

    sent, arrived, read = run(story())
    assert read - sent >= HELD_UP_SECONDS
    known = sent if sys.platform == "linux" else read  # other kernels do not say it
    assert arrived == pytest.approx(known, abs=STEP_SECONDS)


def test_where_the_kernel_says_nothing_it_came_now() -> None:
    class Unix:
        def getsockopt(self, *_arguments: int) -> bytes:
            raise OSError("not supported")

    class Transport(asyncio.BaseTransport):
        def __init__(self, stream: Any) -> None:
            super().__init__({"socket": stream})

    assert arrival_of(None, 7.0) == 7.0
    assert arrival_of(Transport(None), 7.0) == 7.0
    assert arrival_of(Transport(Unix()), 7.0) == 7.0
