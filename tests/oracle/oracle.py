"""The oracle: the written semantics of ``docs/event-time.md``, slow and obvious.

It keeps every event's contribution for ever and finds windows by scanning. It shares with the kernel the
event codes and the names of the features, nothing else.
"""

from dataclasses import dataclass, field

from features import kinds
from features.event_columns import EventColumns
from tests.oracle.oracle_shared import Shared
from tests.oracle.oracle_subscriber import Subscriber


@dataclass(frozen=True)
class Event:
    kind: int
    time: int
    subscriber: int
    counterparty: int
    device: int
    subject: int
    amount: int
    duration: int
    flags: int
    where: tuple[int, int]
    offset: int

    @property
    def revision(self) -> int:
        return self.flags >> kinds.REVISION_SHIFT

    @property
    def verdict(self) -> str:
        if self.flags & kinds.CONFIRMED:
            return "confirmed"
        return "cleared" if self.flags & kinds.CLEARED else "none"

    @property
    def purpose(self) -> int:
        return self.flags >> kinds.PURPOSE_SHIFT & 15


def events_of(columns: EventColumns) -> list[Event]:
    """Tables know each other by 32 bits of a pseudonym, so the sketch's buckets do, too."""
    return [
        Event(
            row[0],
            row[1],
            *(pseudonym & 0xFFFFFFFF for pseudonym in row[2:6]),
            *row[6:9],
            where=(row[9], row[10]),
            offset=row[11],
        )
        for row in zip(*(array.tolist() for _, array in columns.arrays()), strict=True)
    ]


@dataclass
class Oracle:
    """Vectors of events one by one, as name to value; a missing name is NaN."""

    offset: int = 8 * 3_600_000
    people: dict[int, Subscriber] = field(default_factory=dict)
    others: dict[tuple[str, int], Shared] = field(default_factory=dict)
    applied: dict[tuple[object, tuple[int, int]], int] = field(default_factory=dict)

    def _fresh(self, who: object, e: Event) -> bool:
        """Redelivery: a record applies an offset of a source partition once."""
        if e.offset <= self.applied.get((who, e.where), -1):
            return False
        self.applied[who, e.where] = e.offset
        return True

    def _touched(self, e: Event) -> list[tuple[str, int]]:
        entity = "account" if e.flags & kinds.ACCOUNT else "number"
        touched = [(entity, e.counterparty)] if e.counterparty and e.kind != 3 else []
        return touched + ([("device", e.device)] if e.device else [])

    def see(self, e: Event) -> dict[str, float]:
        vector: dict[str, float] = {}
        touched = self._touched(e)
        for entity, who in touched:
            record = self.others.setdefault((entity, who), Shared(entity, self.offset))
            vector |= record.read(e.time)
        counted, said = False, set()
        if not e.flags & kinds.CONTINUATION:
            person = self.people.setdefault(e.subscriber, Subscriber(self.offset))
            first_degree = dict(vector)
            vector |= person.read(e, first_degree)
            said = person.says(e)
            if self._fresh(e.subscriber, e):
                counted = person.apply(e, first_degree)
                which = "account_confirmed" if e.flags & kinds.ACCOUNT else "number_confirmed"
                if counted and first_degree.get(which, 0) > 0:
                    person.taint_at = max(person.taint_at, e.time)
        for key in touched:
            if self._fresh(key, e):
                self.others[key].apply(e, counted, said)
        return vector
