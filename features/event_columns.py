"""One chunk of events as columns, the only form in which the kernel reads events.

Identifiers are pseudonyms (0: none). Rows of an :class:`~forewarn.contracts.Outcome` that names
several callers and payees follow each other: the first row represents the outcome itself, the others
have ``CONTINUATION`` and concern only their counterparty.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from features import kinds
from features.kinds import EventKind
from forewarn.contracts import CallEnded, CallEvent, CallStarted, LineChanged, Outcome, Transfer
from forewarn.platform.pseudonyms import Pseudonymiser

_ROW = np.dtype(
    [
        ("kind", np.uint8),
        ("time_ms", np.int64),
        ("subscriber", np.uint64),
        ("counterparty", np.uint64),
        ("device", np.uint64),
        ("subject", np.uint64),
        ("amount_minor", np.int64),
        ("duration_ms", np.int64),
        ("flags", np.uint32),
        ("source", np.uint8),
        ("partition", np.int32),
        ("offset", np.int64),
    ]
)

_Row = tuple[int, int, int, int, int, int, int, int, int, int, int, int]

KIND_OF_TRANSFER = {
    (direction, status): int(EventKind[f"{short}_{status.upper()}"])
    for direction, short in (("outgoing", "OUT"), ("incoming", "IN"))
    for status in ("attempted", "completed", "blocked", "reversed")
}
"""Event kind by direction and status of a transfer."""
_PURPOSE = {name: i << kinds.PURPOSE_SHIFT for i, name in enumerate(kinds.PURPOSES)}
_CHANNEL = {name: i << kinds.CHANNEL_SHIFT for i, name in enumerate(kinds.CHANNELS)}
_ATTESTATION = {name: i << kinds.ATTESTATION_SHIFT for i, name in enumerate(kinds.ATTESTATIONS)}

# Country codes of one and two digits (ITU-T E.164); every other code has three.
_ONE_DIGIT = frozenset("17")
_TWO_DIGITS = frozenset(
    str(code)
    for code in (
        *(20, 27, *range(30, 35), 36, 39, 40, 41, *range(43, 50), *range(51, 59), *range(60, 67)),
        *(81, 82, 84, 86, *range(90, 96), 98),
    )
)
_SHORT_CODE_DIGITS = 6

WITHHELD = "withheld:"
"""Put before the call's id where no number was shown: a stranger of this one call, so that withheld calls
do not add up to one busy number, nor make an acquaintance."""


@dataclass(frozen=True, slots=True)
class EventColumns:
    """``n`` events as arrays of length ``n``; see ``features.kinds`` for codes and flags.

    ``subject`` is the pseudonym of the call or transfer that the event is about. ``offset`` rises
    strictly within one source and partition, except for the continuation rows of an outcome.
    """

    kind: npt.NDArray[np.uint8]
    time_ms: npt.NDArray[np.int64]
    subscriber: npt.NDArray[np.uint64]
    counterparty: npt.NDArray[np.uint64]
    device: npt.NDArray[np.uint64]
    subject: npt.NDArray[np.uint64]
    amount_minor: npt.NDArray[np.int64]
    duration_ms: npt.NDArray[np.int64]
    flags: npt.NDArray[np.uint32]
    source: npt.NDArray[np.uint8]
    partition: npt.NDArray[np.int32]
    offset: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.kind)

    def arrays(self) -> Iterator[tuple[str, npt.NDArray[Any]]]:
        """The columns by name, in the order of the contract."""
        return ((field.name, getattr(self, field.name)) for field in fields(self))

    def take(self, rows: npt.NDArray[np.intp] | slice) -> "EventColumns":
        """The given rows in the given order."""
        return EventColumns(
            **{name: np.ascontiguousarray(array[rows]) for name, array in self.arrays()}
        )

    def view(self, rows: slice) -> "EventColumns":
        """The given rows, which follow one another, without a copy."""
        return EventColumns(**{name: array[rows] for name, array in self.arrays()})

    def event_rows(self) -> npt.NDArray[np.intp]:
        """The row of each event: all rows but the continuations."""
        return np.flatnonzero((self.flags & kinds.CONTINUATION) == 0)


def empty() -> EventColumns:
    """Columns without events."""
    return _from_rows([])


def from_arrays(**columns: npt.ArrayLike) -> EventColumns:
    """Build columns from array-likes, cast to the types of the contract.

    Columns that are left out are zero.

    Raises:
        ValueError: if a column is unknown or the lengths differ.
    """
    unknown = sorted(columns.keys() - set(_ROW.names or ()))
    if unknown:
        raise ValueError(f"no such column: {', '.join(unknown)}")
    lengths = {len(np.atleast_1d(np.asarray(values))) for values in columns.values()}
    if len(lengths) > 1:
        raise ValueError(f"columns of different lengths: {sorted(lengths)}")
    n = lengths.pop() if lengths else 0
    return EventColumns(
        **{
            name: np.ascontiguousarray(columns.get(name, np.zeros(n)), dtype=_ROW[name])
            for name in _ROW.names or ()
        }
    )


def concat(parts: Sequence[EventColumns]) -> EventColumns:
    """Join columns end to end."""
    if not parts:
        return empty()
    return EventColumns(
        **{
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in _ROW.names or ()
        }
    )


def merge(parts: Sequence[EventColumns]) -> EventColumns:
    """Merge runs of different sources by event time, each keeping its own order.

    A row that is late within its source does not overtake the rows before it: its place is the newest
    event time among them. On a tie the earlier part comes first. The result depends on the rows alone, so
    the same run merges the same way after a crash.
    """
    joined = concat(parts)
    if len(parts) < 2:
        return joined
    place = np.concatenate([np.maximum.accumulate(part.time_ms) for part in parts])
    return joined.take(np.argsort(place, kind="stable"))


def from_events(
    events: Iterable[CallEvent | Transfer | Outcome],
    pseudonymiser: Pseudonymiser,
    *,
    source: int,
    partition: int,
    offsets: Iterable[int],
) -> EventColumns:
    """Turn decoded events of one source and partition into columns, in the order given.

    Args:
        events: decoded events; any mixture of kinds.
        pseudonymiser: turns every identifier into a pseudonym.
        source: index of the topic in ``forewarn.contracts.topics.SOURCES``.
        partition: partition number.
        offsets: Kafka offset of each event.
    """
    rows: list[_Row] = []
    append = rows.append
    for event, offset in zip(events, offsets, strict=True):
        where = (source, partition, offset)
        if isinstance(event, Transfer):
            append(_transfer_row(event, pseudonymiser) + where)
        elif isinstance(event, (CallStarted, CallEnded)):
            append(_call_row(event, pseudonymiser) + where)
        elif isinstance(event, LineChanged):
            append(_line_row(event, pseudonymiser) + where)
        else:
            rows.extend(row + where for row in _outcome_rows(event, pseudonymiser))
    return _from_rows(rows)


_Facts = tuple[int, int, int, int, int, int, int, int, int]


def _call_row(event: CallStarted | CallEnded, pseudonymiser: Pseudonymiser) -> _Facts:
    inbound = event.direction == "inbound"
    shown = event.caller if inbound else event.callee
    flags = (
        _ATTESTATION[event.attestation]
        | (number_flags(shown, event.subscriber) if shown else 0)
        | (event.revision << kinds.REVISION_SHIFT)
        | (kinds.INBOUND if inbound else 0)
    )
    kind, duration_ms = 1, 0
    if isinstance(event, CallEnded):
        kind, duration_ms = 2, event.duration_ms
        if event.answered:
            flags |= kinds.ANSWERED
    return (
        kind,
        event.event_time_ms,
        pseudonymiser.phone(event.subscriber),
        pseudonymiser.phone(shown or f"{WITHHELD}{event.call_id}"),
        pseudonymiser.device(event.device),
        pseudonymiser.subject(event.call_id),
        0,
        duration_ms,
        flags,
    )


def _line_row(event: LineChanged, pseudonymiser: Pseudonymiser) -> _Facts:
    flags = event.revision << kinds.REVISION_SHIFT
    if event.setting == "call_forwarding":
        flags |= kinds.FORWARDING
    if event.active:
        flags |= kinds.ACTIVE
    to = event.forwarded_to
    if to:
        flags |= number_flags(to, event.subscriber)
    return (
        3,
        event.event_time_ms,
        pseudonymiser.phone(event.subscriber),
        0,  # the number that calls are forwarded to is not a counterparty
        0,
        pseudonymiser.subject(event.event_id),
        0,
        0,
        flags,
    )


def _transfer_row(event: Transfer, pseudonymiser: Pseudonymiser) -> _Facts:
    other = event.payee_account if event.direction == "outgoing" else event.payer_account
    return (
        KIND_OF_TRANSFER[event.direction, event.status],
        event.event_time_ms,
        pseudonymiser.phone(event.subscriber),
        pseudonymiser.account(other),
        pseudonymiser.device(event.device),
        pseudonymiser.subject(event.transfer_id),
        event.amount_minor,
        0,
        kinds.ACCOUNT
        | _PURPOSE[event.purpose]
        | _CHANNEL[event.channel]
        | (event.revision << kinds.REVISION_SHIFT),
    )


def _outcome_rows(event: Outcome, pseudonymiser: Pseudonymiser) -> Iterator[_Facts]:
    flags = event.revision << kinds.REVISION_SHIFT
    if event.disposition in ("dissuaded", "loss_occurred"):
        flags |= kinds.CONFIRMED
    elif event.disposition == "false_alarm":
        flags |= kinds.CLEARED
    # A dict keeps the order and drops repetitions.
    numbers = dict.fromkeys(pseudonymiser.phone(caller) for caller in event.callers)
    accounts = dict.fromkeys(pseudonymiser.account(payee) for payee in event.payees)
    concerned = [(number, 0) for number in numbers]
    concerned += [(account, kinds.ACCOUNT) for account in accounts]
    subscriber = pseudonymiser.phone(event.subscriber)
    subject = pseudonymiser.subject(event.case_id or event.event_id)
    for i, (counterparty, which) in enumerate(concerned or [(0, 0)]):
        more = kinds.CONTINUATION if i else 0
        yield (
            12,
            event.event_time_ms,
            subscriber,
            counterparty,
            0,
            subject,
            event.lost_minor,
            0,
            flags | which | more,
        )


def number_flags(other: str, subscriber: str) -> int:
    """``FOREIGN`` and ``SHORT_CODE`` of a number, from the subscriber's view.

    A number without ``+`` or ``00`` is national; if the subscriber's number is national, no number is
    foreign.
    """
    if len(other) <= _SHORT_CODE_DIGITS and not other.startswith("+"):
        return kinds.SHORT_CODE
    theirs, ours = _country(other[:5]), _country(subscriber[:5])
    return kinds.FOREIGN if theirs and ours and theirs != ours else 0


@lru_cache(10_000)
def _country(start: str) -> str:
    """The country code of a number in international form, from its first five characters, or nothing."""
    if start.startswith("+"):
        digits = start[1:4]
    elif start.startswith("00"):
        digits = start[2:5]
    else:
        return ""
    if digits[:1] in _ONE_DIGIT:
        return digits[:1]
    return digits[:2] if digits[:2] in _TWO_DIGITS else digits


def _from_rows(rows: list[_Row]) -> EventColumns:
    names = _ROW.names or ()
    columns = zip(*rows, strict=True) if rows else ([] for _ in names)
    return EventColumns(
        **{name: np.array(column, _ROW[name]) for name, column in zip(names, columns, strict=True)}
    )
