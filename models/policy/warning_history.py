"""The warnings of one subscriber that are open or count against the budget, in a few bytes.

Kept in the annex of the subscriber's state record, so that it is read and written, fenced and
recovered together with the state. Empty for nearly everyone; 29 bytes a warning otherwise.
"""

import hashlib
import struct
from typing import Literal

import msgspec

from forewarn.contracts import Severity
from forewarn.errors import ArtifactError
from forewarn.platform.pseudonyms import to_hex

SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high", "critical", "extreme")
"""From least to most severe."""

_CODES: tuple[Severity, ...] = ("medium", "high", "critical", "low", "extreme")
"""The place of a severity is its code in the annex; new ones go to the end, since annexes are kept."""

State = Literal["open", "settled", "withdrawn"]
STATES: tuple[State, ...] = ("open", "settled", "withdrawn")

MAX_WARNINGS = 12
"""Bound on the annex (360 bytes); the oldest is forgotten first. Above any sane daily budget."""

_MAX_REVISION = 0xFFFF
"""A source that repeats itself without end must not stop the worker: orders go by offset anyway."""

_VERSION = 1
_HEAD = struct.Struct("<BBQ")  # version, count, cleared_until_ms
_ENTRY = struct.Struct("<QQBBHdB")  # subject, raised_ms, severity, state, revision, p, exempt
_START = struct.Struct(f"<QQ{_ENTRY.size - 16}x")  # subject and raised_ms of an entry


class OpenWarning(msgspec.Struct, frozen=True, kw_only=True):
    """One warning: its subject (a pseudonym), when it was raised and where it stands."""

    subject: int
    raised_ms: int
    severity: Severity
    state: State = "open"
    revision: int = 0
    probability: float = 0.0
    exempt: bool = False


class WarningHistory(msgspec.Struct, frozen=True):
    """A subscriber's recent warnings, oldest first; ``cleared_until_ms`` follows a false alarm."""

    warnings: tuple[OpenWarning, ...] = ()
    cleared_until_ms: int = 0

    def about(self, subject: int) -> OpenWarning | None:
        """The warning about this subject, in whatever state."""
        return next((w for w in self.warnings if w.subject == subject), None)

    def put(self, warning: OpenWarning) -> "WarningHistory":
        """The history with this warning added, or in the place of the one on its subject."""
        others = tuple(w for w in self.warnings if w.subject != warning.subject)
        both = sorted((*others, warning), key=lambda w: w.raised_ms)
        return WarningHistory(tuple(both[-MAX_WARNINGS:]), self.cleared_until_ms)

    def since(self, time_ms: int) -> "WarningHistory":
        """The history without warnings raised before this time."""
        if all(w.raised_ms >= time_ms for w in self.warnings):
            return self
        kept = tuple(w for w in self.warnings if w.raised_ms >= time_ms)
        return WarningHistory(kept, self.cleared_until_ms)

    def spent(self, since_ms: int) -> int:
        """How many warnings count against the person's budget since this time."""
        return sum(w.raised_ms >= since_ms and not w.exempt for w in self.warnings)

    def encode(self) -> bytes:
        """Bytes for the annex; none at all for an empty history."""
        if not self.warnings and not self.cleared_until_ms:
            return b""
        head = _HEAD.pack(_VERSION, len(self.warnings), self.cleared_until_ms)
        return head + b"".join(
            _ENTRY.pack(
                w.subject,
                w.raised_ms,
                _CODES.index(w.severity),
                STATES.index(w.state),
                min(w.revision, _MAX_REVISION),
                w.probability,
                w.exempt,
            )
            for w in self.warnings
        )

    @classmethod
    def decode(cls, data: bytes) -> "WarningHistory":
        """The history in an annex.

        Raises:
            ArtifactError: if the bytes are not a history of this version.
        """
        if not data:
            return EMPTY
        try:
            version, count, cleared_until_ms = _HEAD.unpack_from(data)
            if version != _VERSION or len(data) != _HEAD.size + count * _ENTRY.size:
                raise ValueError(f"version {version}, {len(data)} bytes")
            warnings = tuple(
                OpenWarning(
                    subject=subject,
                    raised_ms=raised_ms,
                    severity=_CODES[severity],
                    state=STATES[state],
                    revision=revision,
                    probability=probability,
                    exempt=bool(exempt),
                )
                for subject, raised_ms, severity, state, revision, probability, exempt in (
                    _ENTRY.iter_unpack(data[_HEAD.size :])
                )
            )
        except (struct.error, ValueError, IndexError) as error:
            raise ArtifactError(
                f"an annex is not a warning history: {error}",
                hint="Rebuild the state with `forewarn rebuild`; it was written by another version.",
            ) from None
        return cls(warnings, cleared_until_ms)


EMPTY = WarningHistory()


def is_unconcerned(annex: bytes, subject: int, since_ms: int) -> bool:
    """Whether an annex has warnings, all of them about other subjects and raised since a time.

    False for bytes that ``WarningHistory.decode`` refuses, too.
    """
    version, count, _ = _HEAD.unpack_from(annex) if len(annex) >= _HEAD.size else (0, 0, 0)
    if version != _VERSION or not count or len(annex) != _HEAD.size + count * _ENTRY.size:
        return False
    for about, raised_ms in _START.iter_unpack(annex[_HEAD.size :]):
        if about == subject or raised_ms < since_ms:
            return False
    return True


def warning_id(tenant: str, subscriber: int, subject: int) -> str:
    """The id of the warning about this subject: the same in every recomputation and redelivery."""
    name = f"{tenant}|{to_hex(subscriber)}|{to_hex(subject)}".encode()
    return "w" + hashlib.blake2b(name, digest_size=12, person=b"warning").hexdigest()
