"""The service layer in use: built again for new options, without a restart."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from alerting.service_metrics import OPTIONS_FAULTS, OPTIONS_VERSION
from alerting.web.service_container import Services
from forewarn.platform.settings import AlertingOptions, AlertingSettings
from forewarn.platform.settings.toml_document import load_toml
from forewarn.platform.watched_file import WatchedFile


class CurrentServices:
    """Settings and services that belong together; replaced as one.

    Args:
        settings: with the options of the start.
        build: builds the service layer; raises ConfigurationError for options that do not fit the
            secrets, which are then not used.
    """

    def __init__(
        self, settings: AlertingSettings, build: Callable[[AlertingSettings], Services]
    ) -> None:
        self._build = build
        self.pair = (settings, build(settings))
        self.on_change: Callable[[AlertingSettings, Services], None] = lambda _settings, _new: None

    def use(self, options: AlertingOptions) -> None:
        """Use other options from now on.

        Raises:
            ConfigurationError: no service can be built from them; the present ones stay.
        """
        settings, services = self.pair
        if options != settings.options:
            settings = settings.model_copy(update={"options": options})
            services = self._build(settings)
            self.on_change(settings, services)
            self.pair = (settings, services)
        OPTIONS_VERSION.set(services.clock() / 1000)


def watch_options(current: CurrentServices) -> WatchedFile[AlertingOptions]:
    """Use the options file whenever it changes; a faulty one is named in the log and not used."""
    settings, _ = current.pair

    def read(path: Path) -> AlertingOptions:
        return load_toml(path, AlertingOptions)

    return WatchedFile(
        settings.options_file,
        read,
        default=settings.options,
        name="alerting_options",
        on_loaded=current.use,
        on_refused=OPTIONS_FAULTS.inc,
    )


class _Part(Protocol):
    """Something that works in turns and may have to be closed."""

    def turn(self, stop: threading.Event, /) -> float:
        """Do one round of work; returns the seconds to wait after it."""

    def close(self) -> None:
        """Free what the part holds."""


P = TypeVar("P", bound=_Part)


class FollowingPart(Generic[P]):
    """A part of a background task that is made again when the services change.

    It is replaced in the task's own thread between two turns, so no turn loses its part.
    """

    def __init__(
        self, current: CurrentServices, make: Callable[[AlertingSettings, Services], P]
    ) -> None:
        self._current = current
        self._make = make
        self._made_from = current.pair
        self._part = make(*current.pair)

    def turn(self, stop: threading.Event) -> float:
        """Do one round of work with the services in use."""
        if self._current.pair is not self._made_from:
            pair = self._current.pair
            part = self._make(*pair)
            self.close()
            self._made_from, self._part = pair, part
        return self._part.turn(stop)

    def close(self) -> None:
        """Free what the part holds."""
        self._part.close()
