"""The actions of case histories and of the audit log.

The set is closed, so that every language of the console has a text for each of them.
"""

from typing import Literal

AuditAction = Literal[
    # a warning and its case
    "warning_raised", "warning_updated", "warning_withdrawn", "warning_duplicate", "warning_stale",
    "claimed", "acknowledged", "released", "assigned", "contact_made",
    "contact_failed", "contact_withdrawn", "noted", "closed", "text_closed", "closure_reviewed", "reopened", "merged", "relative_added", "relative_corrected",
    # messages and orders
    "dispatched", "escalated", "escalation_withheld", "follow_up_missed", "delivery_sent",
    "delivery_confirmed", "delivery_unanswered", "delivery_failed", "delivery_cancelled", "three_way_called",
    # orders
    "order_placed", "order_confirmed", "order_refused", "order_cancelled", "order_unanswered",
    "order_extended", "order_handed_over", "order_runs_out", "order_ran_out",
    "release_ordered", "release_confirmed", "release_chased", "order_notified",
    "appeal_filed", "appeal_upheld", "appeal_refused", "appeal_settled", "appeal_waits",
    "money_traced", "evidence_exported",
    # losses
    "loss_reported", "loss_seen", "unwarned_loss",
    # sweeps and lists
    "sweep_held", "sweep_approved", "sweep_rejected", "swept",
    "list_proposed", "list_approved", "list_removed", "list_rejected", "list_expired",
    # silences and shifts
    "silenced", "silence_proposed", "silence_approved", "silence_ended", "shift_added", "shift_ended",
    # rotas and calendars
    "rota_added", "rota_ended", "rota_overridden", "rota_change_asked", "rota_change_agreed",
    "rota_change_declined", "rota_change_withdrawn", "calendar_opened", "calendar_closed",
    # playbooks and webhooks
    "task_done", "task_undone", "webhook_resent",
    # imports of clues, and answers by link or key
    "clues_proposed", "clues_approved", "clues_rejected", "clues_undone", "filter_kept", "filter_removed", "passed_on", "asked_for_officer", "return_visited",
    # people, keys and personal data
    "access.signed_in", "access.signed_out", "access.sign_in_refused", "access.session_ended",
    "access.broke_glass", "access.key_made", "access.key_revoked",
    "personal.unmasked", "personal.unmask_refused", "personal.searched", "person_opened", "erased", "person_erased", "audit.verified",
]  # fmt: skip
