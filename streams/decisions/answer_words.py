"""The words of an answer, in the language of its reader.

What is kept of an answer are codes and values, so a question that is repeated in another language gets the
same decision in other words.
"""

from pathlib import Path

import msgspec
import structlog

from forewarn.platform.words import LANGUAGES, Language, Translator, read_catalogs, reason_text
from streams.decisions.bank_answer import BankAnswer, WordedReason

log = structlog.get_logger(__name__)

CATALOGS = Path(__file__).parent / "catalogs"

_decoder = msgspec.json.Decoder(BankAnswer)
_encoder = msgspec.json.Encoder()


def prepare_words() -> None:
    """Read every catalog, so that no answer waits for a file."""
    for language in LANGUAGES:
        t = read_catalogs(language, CATALOGS)
        reason_text("out_amount_24h", 5e6, "CNY", t)  # Babel's files, too
        t.form("reason.calls_in", 1)


def worded(body: bytes, language: Language) -> bytes:
    """The body to send, from the one that is kept.

    Args:
        body: without words.
        language: of the words.
    """
    try:
        answer = _decoder.decode(body)
    except msgspec.MsgspecError as error:
        # Kept by a replica of another version: the decision matters more than its words.
        log.warning("answer_without_words", why=str(error))
        return body
    return _encoder.encode(with_words(answer, read_catalogs(language, CATALOGS)))


def with_words(answer: BankAnswer, t: Translator) -> BankAnswer:
    """The answer with its explanation, its reasons as sentences, and the question for the customer."""
    question = None
    if answer.decision == "challenge":
        unknown = t.words["question.unknown"]
        question = t.words.get(f"question.{answer.typology}", unknown)
    return msgspec.structs.replace(
        answer,
        explanation=t.term("why", answer.reason),
        question=question,
        reasons=tuple(_with_meaning(reason, answer.currency, t) for reason in answer.reasons),
    )


def _with_meaning(reason: WordedReason, currency: str, t: Translator) -> WordedReason:
    meaning = reason_text(reason.code, reason.value, currency, t)
    return msgspec.structs.replace(reason, meaning=meaning)
