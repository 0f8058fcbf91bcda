"""The routing in use: read again when its file changes; a faulty file never replaces a good one."""

from pathlib import Path

from alerting.notify.routing.routing_file import load_routing
from alerting.notify.routing.routing_tree import DEFAULT, Routing
from alerting.service_metrics import ROUTING_FAULTS, ROUTING_VERSION
from forewarn.platform.clock import Clock
from forewarn.platform.watched_file import RELOAD_SECONDS, WatchedFile


class RoutingSource(WatchedFile[Routing]):
    """The routing file of the service; without one a team gets every case.

    Raises:
        ConfigurationError: if the file is faulty at the start, when there is no good one yet.
    """

    def __init__(
        self, path: Path | None, clock: Clock, *, reload_seconds: float = RELOAD_SECONDS
    ) -> None:
        super().__init__(
            path,
            load_routing,
            default=DEFAULT,
            name="routing",
            reload_seconds=reload_seconds,
            on_loaded=lambda _routing: ROUTING_VERSION.set(clock() / 1000),
            on_refused=ROUTING_FAULTS.inc,
        )
