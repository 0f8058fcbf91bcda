"""The calls and transfers that the oracle's subscribers remember, and which of them make way."""

from dataclasses import dataclass, field

from tests.oracle.oracle_history import DAY


@dataclass
class Call:
    subject: int
    time: int
    talk: int
    revision: int
    level: int
    unanswered: bool


@dataclass
class Move:
    subject: tuple[int, bool]
    time: int
    amount: int
    revision: int
    out: bool
    young: bool
    fund: bool
    refused: bool = False
    reversed: bool = False
    settled: bool = False  # within an hour

    def is_remembered(self, clock: int) -> bool:
        return clock - self.time <= (DAY if self.settled else 3 * DAY)


@dataclass
class Open:
    subject: int
    start: int
    level: int


def short(subject: tuple[int, bool]) -> int:
    """The 32 bits that a record keeps of a transfer's subject and direction."""
    subject_id, out = subject
    return (subject_id ^ out << 31) & 0xFFFFFFFF


@dataclass
class Memory:
    places: list[Open | None] = field(default_factory=lambda: [None, None])
    calls: list[Call] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    lost_at: dict[bool, int] = field(default_factory=dict)  # by direction: out or in

    def call(self, subject: int, clock: int) -> Call | None:
        for call in self.calls:
            if call.subject == subject and clock - call.time <= DAY:
                return call
        return None

    def move(self, subject: tuple[int, bool], clock: int) -> Move | None:
        for move in self.moves:
            if move.subject == subject and move.is_remembered(clock):
                return move
        return None

    def keep_call(self, call: Call, clock: int) -> None:
        self.calls = [c for c in self.calls if clock - c.time <= DAY]
        if len(self.calls) == 4:
            self.calls.remove(min(self.calls, key=lambda c: (c.time, c.subject)))
        self.calls.append(call)

    @property
    def open(self) -> list[Open]:
        return [call for call in self.places if call]

    def keep_open(self, call: Open) -> None:
        makes_way = None if None in self.places else min(self.open, key=lambda c: c.start)
        self.places[self.places.index(makes_way)] = call

    def close(self, call: Open) -> None:
        self.places[self.places.index(call)] = None

    def keep_move(self, move: Move, clock: int) -> None:
        self.moves = [m for m in self.moves if m.is_remembered(clock)]
        if len(self.moves) == 8 or sum(m.settled for m in self.moves) >= 4:
            first = min(self.moves, key=lambda m: (not m.settled, m.time, short(m.subject)))
            if not first.settled:
                self.lost_at[first.out] = max(self.lost_at.get(first.out, 0), first.time)
            self.moves.remove(first)
        self.moves.append(move)
