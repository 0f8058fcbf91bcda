"""Decodes warnings from bytes, with a dead-letter reason for what is not valid."""

import msgspec

from forewarn.contracts.event_codec import MAX_EVENT_BYTES
from forewarn.contracts.fraud_warning import FraudWarning, Source
from forewarn.errors import ContractError

HTTP_SOURCE = ":http"
"""Takes the place of the topic for warnings over HTTP; a Kafka topic cannot have this name."""

MAX_AHEAD_MS = 60_000
"""How far the sender's clock may be ahead; beyond that, later revisions would seem older."""

_decoder = msgspec.json.Decoder(FraudWarning)


def decode_warning(value: bytes | None) -> FraudWarning:
    """Decode one warning.

    Raises:
        ContractError: with the dead-letter reason.
    """
    if not value:
        raise ContractError("the record has no value", reason="empty")
    if len(value) > MAX_EVENT_BYTES:
        raise ContractError(f"{len(value)} bytes, at most {MAX_EVENT_BYTES}", reason="too_large")
    try:
        warning = _decoder.decode(value)
    except msgspec.ValidationError as error:
        raise ContractError(str(error), reason="invalid_field") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ContractError(str(error), reason="not_json") from None
    return _within_bounds(warning)


def received_over_http(warning: FraudWarning, now_ms: int) -> FraudWarning:
    """Set the source of a warning that came over HTTP, so that it never outranks Kafka.

    Raises:
        ContractError: its time lies in the future, or more loss is expected than is at risk.
    """
    if warning.raised_at_ms > now_ms + MAX_AHEAD_MS:
        raise ContractError("raised_at_ms lies in the future", reason="from_the_future")
    if warning.expected_loss_minor > warning.amount_at_risk_minor:
        raise ContractError(
            "expected_loss_minor is above amount_at_risk_minor", reason="invalid_field"
        )
    source = Source(HTTP_SOURCE, 0, warning.raised_at_ms)
    return msgspec.structs.replace(warning, source=source)


def _within_bounds(warning: FraudWarning) -> FraudWarning:
    """Check the bounds of the database's columns that the struct does not check."""
    source = warning.source
    texts = {
        "model_version": (warning.model_version, 64),
        "policy_version": (warning.policy_version, 64),
        "traceparent": (warning.traceparent, 64),
        "decision": (warning.decision, 1000),
        "source.topic": (source.topic, 249),
    }
    texts |= {f"reasons[{i}]": (one.code, 128) for i, one in enumerate(warning.reasons)}
    for name, (text, longest) in texts.items():
        if len(text) > longest or "\x00" in text:
            raise ContractError(
                f"{name} is longer than {longest} characters or holds a NUL", reason="invalid_field"
            )
    if not 0.0 <= warning.probability <= 1.0:
        raise ContractError("probability is outside 0 to 1", reason="invalid_field")
    if not (0 <= source.partition < 2**31 and 0 <= source.offset < 2**63):
        raise ContractError("source does not name a Kafka record", reason="invalid_field")
    if len(warning.reasons) > 64:
        raise ContractError("more than 64 reasons", reason="invalid_field")
    return warning
