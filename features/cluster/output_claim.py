"""The claim of one process on an output folder, so that two clusters do not write into it.

The claim is a file that only one process can create. Its holder renews it; a claim that has not been renewed for
``STALE_SECONDS`` is that of a process that has ended, and may be taken over. Two processes of one run would write the
same bytes, so no result depends on the claim: it saves work, and keeps two runs apart.
"""

import os
import platform
import threading
import time
import uuid
from types import TracebackType
from typing import Final, Self

import msgspec

from features.cluster.shared_folder import SharedFolder
from forewarn.errors import ConfigurationError

CLAIM_NAME: Final = ".claim.json"
RENEW_SECONDS: Final = 10
STALE_SECONDS: Final = 60
SETTLE_SECONDS: Final = 1.0
"""Between taking over and looking again: of two processes that take over at once, the later one wins."""


class Claim(msgspec.Struct, frozen=True):
    """What the file says: the holder, for people; the token, for the holder; when it was renewed, UTC ms."""

    holder: str
    token: str
    renewed_ms: int


class OutputClaim:
    """Holds a folder for the time of a block.

    Args:
        folder: of the output.

    Raises:
        ConfigurationError: if another process holds it.
    """

    def __init__(self, folder: SharedFolder) -> None:
        self._folder = folder
        self._token = uuid.uuid4().hex
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._renew, daemon=True, name="output-claim")
        self.lost = False

    def __enter__(self) -> Self:
        if not self._folder.create(CLAIM_NAME, self._content()):
            found = self._read()
            if found is not None and _age_seconds(found) < STALE_SECONDS:
                raise self._taken(found)
            self._folder.write(CLAIM_NAME, self._content())
            time.sleep(SETTLE_SECONDS)
            found = self._read()
            if found is None or found.token != self._token:
                raise self._taken(found)
        self._thread.start()
        return self

    def require(self) -> None:
        """Raise ConfigurationError if another process has taken the folder over."""
        if self.lost:
            raise self._taken(self._read())

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()
        found = self._read()
        if found is not None and found.token == self._token:
            self._folder.remove(CLAIM_NAME)

    def _renew(self) -> None:
        while not self._stop.wait(RENEW_SECONDS):
            try:
                found = self._read()
                if found is None or found.token != self._token:
                    self.lost = True
                    return
                self._folder.write(CLAIM_NAME, self._content())
            except OSError:
                continue  # storage is away for a moment; a minute of it loses the claim

    def _read(self) -> Claim | None:
        content = self._folder.read(CLAIM_NAME)
        try:
            return None if content is None else msgspec.json.decode(content, type=Claim)
        except msgspec.MsgspecError:
            return None  # created, not written yet, or not ours: as old as it gets

    def _content(self) -> bytes:
        holder = f"process {os.getpid()} on {platform.node()}"
        return msgspec.json.encode(Claim(holder, self._token, _now_ms()))

    def _taken(self, found: Claim | None) -> ConfigurationError:
        holder = "another process" if found is None else found.holder
        return ConfigurationError(
            f"{self._folder.url} is being written by {holder}.",
            hint=f"Wait for it, or give another folder. The claim of a process that has ended is free after {STALE_SECONDS} s.",
        )


def _age_seconds(claim: Claim) -> float:
    return (_now_ms() - claim.renewed_ms) / 1000


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
