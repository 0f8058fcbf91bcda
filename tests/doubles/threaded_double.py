"""What the doubles of servers share: a thread that serves while a ``with`` block lasts."""

import socketserver
import threading
from typing import Self


class ThreadedDouble:
    """Serves on a free loopback port from the start of a ``with`` block to its end.

    Args:
        server: listens already.
    """

    def __init__(self, server: socketserver.TCPServer) -> None:
        self._server = server
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
