"""Free ports on the loopback address."""

import socket
from contextlib import ExitStack

LOOPBACK = "127.0.0.1"

HIGHEST_PORT = 65_535

_TRIES = 200


def free_port(highest: int = HIGHEST_PORT) -> int:
    """A TCP port that was free a moment ago.

    Another process may take it before we do, so a caller that starts a server on it has to be ready to
    try once more with another.

    Args:
        highest: that the server takes.

    Raises:
        OSError: none was found as low as that.
    """
    with ExitStack() as held:
        for _ in range(_TRIES):  # each is held until the end, so that the system gives another one
            probe = held.enter_context(socket.socket())
            probe.bind((LOOPBACK, 0))
            port: int = probe.getsockname()[1]
            if port <= highest:
                return port
    raise OSError(f"no free port up to {highest} was found")


def is_open(port: int, host: str = LOOPBACK, timeout_seconds: float = 0.3) -> bool:
    """Whether something accepts connections on the port."""
    try:
        with socket.create_connection((host, port), timeout=timeout_seconds):
            return True
    except OSError:
        return False
