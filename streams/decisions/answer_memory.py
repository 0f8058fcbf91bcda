"""Answers that a replica remembers, and which of two answers to one question counts."""

from collections import OrderedDict
from dataclasses import dataclass
from enum import IntEnum


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer that was given.

    Attributes:
        digest: of the request, hexadecimal digits.
        body: JSON, as it was sent.
    """

    digest: bytes
    body: bytes


class Standing(IntEnum):
    """Who knows an answer; of two answers to one question the one that more replicas can know counts.

    Attributes:
        GIVEN: this replica, which gave it.
        SHARED: every replica that reads the topic of unkept answers; it is the first record about its question.
        KEPT: every replica that reaches Redis.
    """

    GIVEN = 0
    SHARED = 1
    KEPT = 2


class AnswerMemory:
    """The latest answers that this replica gave or learned of.

    Args:
        most: answers; the one that was noted first is forgotten first.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: OrderedDict[bytes, tuple[KeptAnswer, Standing]] = OrderedDict()

    def answer(self, identity: bytes) -> KeptAnswer | None:
        """The answer to a question; None if this replica does not know."""
        known = self._known.get(identity)
        return None if known is None else known[0]

    def standing(self, identity: bytes) -> Standing | None:
        """Who knows the answer to a question; None if this replica does not."""
        known = self._known.get(identity)
        return None if known is None else known[1]

    def note(self, identity: bytes, answer: KeptAnswer, standing: Standing) -> KeptAnswer:
        """Note an answer, unless one counts more; returns the one that counts.

        Of two that count the same the first stays, except in Redis, which is asked for what it has now.

        Args:
            identity: of the question.
            answer: to it.
            standing: of the answer.
        """
        known = self._known.get(identity)
        if known is not None:
            better = known[1] > standing or (known[1] == standing != Standing.KEPT)
            if better:
                return known[0]
        self._known[identity] = (answer, standing)
        if len(self._known) > self._most:
            self._known.popitem(last=False)
        return answer
