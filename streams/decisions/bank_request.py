"""What a bank sends: checked, and refused with the field that is wrong."""

import re
from collections.abc import Mapping

import msgspec

from forewarn.contracts import MAX_EVENT_BYTES, Acceptance, Transfer, decode_transfer
from forewarn.errors import ContractError
from streams.decisions.decision_errors import ProblemField, RequestRefusedError, invalid
from streams.decisions.pending_question import Question

DEADLINE = "Forewarn-Deadline-Ms"
ACCEPT_LATE = "Forewarn-Accept-Late"

DEADLINE_MS_MIN = 20
_NUMBER = re.compile(r"\+?[0-9]{3,20}")
_FIELD = re.compile(r" - at `\$\.?(.*)`$")


def read_transfer(body: bytes, acceptance: Acceptance, now_ms: int) -> Transfer:
    """The attempted transfer of a request.

    Args:
        body: JSON, as on the topic ``transfers``.
        acceptance: what the workers take for an event; they would set another aside.
        now_ms: UTC milliseconds.

    Raises:
        RequestRefusedError: 413 or 422, naming the field.
    """
    if len(body) > MAX_EVENT_BYTES:
        raise RequestRefusedError(
            413, "too_large", "Content too large", f"An event has at most {MAX_EVENT_BYTES} bytes."
        )
    try:
        event = decode_transfer(body)
    except ContractError as error:
        raise _not_valid(error) from None
    if event.status != "attempted":
        raise invalid("status", "only an attempted transfer can be answered")
    if event.direction != "outgoing":
        raise invalid("direction", "only the payer's bank asks: outgoing")
    if event.currency != acceptance.currency:
        raise invalid("currency", f"this installation adds up {acceptance.currency}")
    if event.event_time_ms > now_ms + acceptance.future_ms:
        raise invalid("event_time_ms", "lies in the future")
    return event


def read_question(
    event: Transfer,
    headers: Mapping[str, str],
    *,
    arrived: float,
    usual_ms: int,
    longest_ms: int,
) -> Question:
    """The question of a request.

    Args:
        event: of its body.
        headers: of HTTP.
        arrived: when the request came, monotonic seconds.
        usual_ms: deadline of a request that names none.
        longest_ms: longest deadline.

    Raises:
        RequestRefusedError: 422, naming the header.
    """
    text = headers.get(DEADLINE, "")
    deadline_ms = usual_ms
    if text:
        if not (text.isascii() and text.isdigit() and len(text) <= 6):
            raise invalid(DEADLINE, "must be a number of milliseconds")
        deadline_ms = int(text)
        if not DEADLINE_MS_MIN <= deadline_ms <= longest_ms:
            raise invalid(DEADLINE, f"must be {DEADLINE_MS_MIN} to {longest_ms}")
    late = headers.get(ACCEPT_LATE, "false").lower()
    if late not in ("true", "false"):
        raise invalid(ACCEPT_LATE, "must be true or false")
    return Question(event, arrived, deadline_ms / 1000, accept_late=late == "true")


def read_number(text: str) -> str:
    """A telephone number of a path.

    Raises:
        RequestRefusedError: 422.
    """
    if not _NUMBER.fullmatch(text):
        raise invalid("number", "must be a telephone number as in +8613800001111")
    return text


def _not_valid(error: ContractError) -> RequestRefusedError:
    """Names the field that the decoder named, without a value."""
    found = _FIELD.search(error.message)
    reason = _FIELD.sub("", error.message)
    if found is None:
        missing = re.search(r"field `(\w+)`", error.message)
        field = missing[1] if missing else ""
    else:
        field = found[1]
    return RequestRefusedError(
        422,
        "invalid_request" if error.reason == "invalid_field" else error.reason,
        "Not valid",
        "The event is not valid.",
        errors=(ProblemField(field, reason),),
    )


def encode_problem(error: RequestRefusedError) -> bytes:
    """The body of a refusal."""
    return msgspec.json.encode(error.document)
