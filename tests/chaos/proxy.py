"""A TCP proxy with faults, in a thread: what a bad network does, on any machine.

A client connects to ``port`` and talks to the server behind it. ``cut`` closes every connection and
refuses new ones; ``stall`` keeps connections open and carries nothing, as when packets are dropped;
``latency_seconds`` delays each piece of data in both directions.
"""

import asyncio
import threading
from contextlib import suppress

PIECE_BYTES = 1 << 16


class Proxy:
    """One listener on the loopback address in front of one server.

    Args:
        server_port: where the server is; may be set before ``start``.
    """

    def __init__(self, server_port: int) -> None:
        self.server_port = server_port
        self.latency_seconds = 0.0
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._flowing = asyncio.Event()
        self._refusing = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self._ready = threading.Event()

    def start(self) -> "Proxy":
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def cut(self) -> None:
        """Close what is open and refuse what comes, until ``restore``."""
        self._call(self._cut)

    def stall(self) -> None:
        """Carry nothing, until ``restore``."""
        self._call(self._flowing.clear)

    def restore(self) -> None:
        self._call(self._restore_links)

    def _call(self, function) -> None:
        done = threading.Event()

        def run() -> None:
            function()
            done.set()

        self._loop.call_soon_threadsafe(run)
        assert done.wait(10)

    def _cut(self) -> None:
        self._refusing = True
        for writer in list(self._writers):
            writer.transport.abort()

    def _restore_links(self) -> None:
        self._refusing = False
        self._flowing.set()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._flowing.set()
        server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, "127.0.0.1", self.port)
        )
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refusing:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.server_port)
        except OSError:
            writer.transport.abort()  # the server is down: so is what stands before it
            return
        self._writers |= {writer, far_writer}
        there = asyncio.ensure_future(self._carry(reader, far_writer))
        back = asyncio.ensure_future(self._carry(far_reader, writer))
        await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
        for task in (there, back):
            task.cancel()
        for end in (writer, far_writer):
            self._writers.discard(end)
            end.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await reader.read(PIECE_BYTES):
                if self.latency_seconds:
                    await asyncio.sleep(self.latency_seconds)
                await self._flowing.wait()
                writer.write(piece)
                await writer.drain()
