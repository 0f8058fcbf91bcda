"""A payment that waits for an answer: what its record says besides the event.

The question travels as headers of an ordinary record of the topic ``transfers``, so that the event
itself is the same whether a bank waits for it or not.
"""

from collections.abc import Iterable
from typing import NamedTuple

QUESTION_ID = "forewarn-question"
"""Header: names the question in its answer; 16 to 64 printable ASCII characters."""

ANSWER_PARTITION = "forewarn-answer-partition"
"""Header: partition of the topic ``answers`` that the asking replica reads."""

ANSWER_BY_MS = "forewarn-answer-by-ms"
"""Header: UTC milliseconds at which the asking replica answers by its fallback."""

_MAX_DIGITS = 15


class PaymentQuestion(NamedTuple):
    """What a worker has to know to answer.

    Attributes:
        question_id: of the question, as bytes.
        partition: of the topic ``answers``.
        answer_by_ms: UTC milliseconds; a later answer comes too late for the bank.
    """

    question_id: bytes
    partition: int
    answer_by_ms: int


def question_headers(question: PaymentQuestion) -> list[tuple[str, bytes]]:
    """Headers of a record that asks."""
    return [
        (QUESTION_ID, question.question_id),
        (ANSWER_PARTITION, str(question.partition).encode()),
        (ANSWER_BY_MS, str(question.answer_by_ms).encode()),
    ]


def question_of(headers: Iterable[tuple[str, bytes | None]]) -> PaymentQuestion | None:
    """The question of a record; None if its headers ask nothing, or are not valid.

    Any producer may write headers, so a wrong one must not stop a worker: the event is processed,
    and no answer is sent.
    """
    found = {name: value for name, value in headers if value is not None}
    question_id = found.get(QUESTION_ID, b"")
    partition, answer_by = found.get(ANSWER_PARTITION, b""), found.get(ANSWER_BY_MS, b"")
    known = 16 <= len(question_id) <= 64 and question_id.isalnum()
    if not known or not _is_number(partition) or not _is_number(answer_by):
        return None
    return PaymentQuestion(question_id, int(partition), int(answer_by))


def _is_number(text: bytes) -> bool:
    return 0 < len(text) <= _MAX_DIGITS and text.isdigit()
