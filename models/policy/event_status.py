"""The status of an event's subject, by the event's kind: the policy's view of the kernel's codes."""

from collections.abc import Mapping

from features.kinds import EventKind
from forewarn.contracts.fraud_warning import SubjectStatus

STATUS_OF_KIND: Mapping[int, SubjectStatus] = {
    EventKind.CALL_STARTED: "on_call",
    EventKind.CALL_ENDED: "call_ended",
    EventKind.LINE_CHANGED: "line_changed",
    EventKind.OUT_ATTEMPTED: "attempted",
    EventKind.OUT_COMPLETED: "completed",
    EventKind.OUT_BLOCKED: "blocked",
    EventKind.OUT_REVERSED: "reversed",
    EventKind.IN_ATTEMPTED: "attempted",
    EventKind.IN_COMPLETED: "completed",
    EventKind.IN_BLOCKED: "blocked",
    EventKind.IN_REVERSED: "reversed",
}

KIND_OF_TRIGGER: Mapping[str, EventKind] = {
    "on_call": EventKind.CALL_STARTED,
    "call_ended": EventKind.CALL_ENDED,
    "attempted": EventKind.OUT_ATTEMPTED,
}
"""Events that raise warnings by themselves, by the status that names their threshold and their model."""

WARNABLE = (
    EventKind.CALL_STARTED,
    EventKind.CALL_ENDED,
    EventKind.LINE_CHANGED,
    EventKind.OUT_ATTEMPTED,
)
"""Events at which a warning can still help. Models are trained on these only: one that looks at others
learns hindsight; and drift is measured on these only, since the reference knows no others."""
