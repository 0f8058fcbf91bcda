"""The words for what happens: kinds of a case's history and actions of the audit log.

A closed set, so that every language of the console has a word for each of them.
"""

from typing import Literal

AuditAction = Literal[
    # a warning and its case
    "warning_raised", "warning_updated", "warning_withdrawn", "warning_duplicate", "warning_stale",
    "claimed", "acknowledged", "released", "assigned", "contact_made",
    "contact_failed", "noted", "closed", "reopened", "merged", "relative_added",
    # what is sent, and whom it reaches
    "dispatched", "escalated", "escalation_withheld", "follow_up_missed", "delivery_sent",
    "delivery_confirmed", "delivery_unanswered", "delivery_failed", "delivery_cancelled",
    # losses
    "loss_reported", "loss_seen", "unwarned_loss",
    # others whom a swindler reached, and the lists
    "sweep_held", "sweep_approved", "sweep_rejected", "swept",
    "list_proposed", "list_approved", "list_removed", "list_rejected", "list_expired",
    # the desk
    "silenced", "silence_ended", "shift_added", "shift_ended",
    # people, keys and personal data
    "access.signed_in", "access.signed_out", "access.sign_in_refused", "access.session_ended",
    "access.broke_glass", "access.key_made", "access.key_revoked",
    "personal.unmasked", "personal.unmask_refused", "erased", "person_erased", "audit.verified",
]  # fmt: skip
