"""When a request reached this machine, by the kernel's count.

A loop that was kept from running (by other programs, by a collection of garbage) knows only when it read a request.
Until then the request lay in the socket, also before its connection was accepted, and the bank's deadline ran.
"""

import asyncio
import socket
import struct
import sys

_LAST_DATA_MS = struct.Struct("=52xI")
"""``tcp_info.tcpi_last_data_recv`` of Linux: milliseconds since the last byte came, in steps of the kernel's clock."""


def arrival_of(transport: asyncio.BaseTransport | None, now: float) -> float:
    """When the last byte of a request came (monotonic seconds); ``now`` where the kernel does not say.

    Args:
        transport: of the connection whose request was just read; None if it is closed.
        now: monotonic seconds.
    """
    stream = transport.get_extra_info("socket") if transport is not None else None
    if stream is None or sys.platform != "linux":
        return now
    try:
        info = stream.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _LAST_DATA_MS.size)
        return now - float(_LAST_DATA_MS.unpack(info)[0]) / 1000
    except (OSError, struct.error):  # a unix socket, or a kernel that says less
        return now
