"""Warnings and time for tests."""

from typing import Any

from forewarn.contracts.fraud_warning import FraudWarning, Reason, Source, Subject

NOW_MS = 1_750_000_000_000
MINUTE_MS = 60_000
VICTIM = "+8613800001111"
CALLER = "+8617000009999"
PAYEE = "6222020000001234567"


class Clock:
    """A clock that moves only when a test moves it."""

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms

    def advance(self, *, seconds: float) -> None:
        """Let time pass."""
        self.now_ms += int(seconds * 1000)


def warning(warning_id: str = "w-1", **changes: Any) -> FraudWarning:
    """A critical warning of an attempted transfer of 50,000 yuan, raised just now."""
    kind = changes.pop("kind", "transfer")
    subject_id = changes.pop("subject_id", f"{kind}-of-{warning_id}")
    offset = changes.pop("offset", 1)
    fields: dict[str, Any] = {
        "event_id": f"e-{warning_id}-{offset}",
        "event_time_ms": NOW_MS - 2_000,
        "subscriber": VICTIM,
        "district": "430405",
        "action": "raise",
        "subject": Subject(kind=kind, subject_id=subject_id),
        "subject_status": "attempted" if kind == "transfer" else "on_call",
        "severity": "critical",
        "typology": "police_impersonation",
        "probability": 0.9,
        "expected_loss_minor": 4_500_000,
        "amount_at_risk_minor": 5_000_000,
        "appended_at_ms": NOW_MS - 1_000,
        "raised_at_ms": NOW_MS,
        "reasons": (Reason(code="payee_new", contribution=1.5),),
        "decision": "raised",
        "caller": CALLER,
        "payee": PAYEE if kind == "transfer" else None,
        "on_call": kind == "call",
        "model_version": "m-1",
        "policy_version": "p-1",
        "source": Source("transfers" if kind == "transfer" else "calls", 0, offset),
    }
    return FraudWarning(warning_id=warning_id, **(fields | changes))
