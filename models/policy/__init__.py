"""The policy: what is done about a probability, decided purely and with a named reason.

A worker takes two steps. ``Policy.screen`` looks at a whole chunk at once and returns the few
events that need a decision; ``Policy.decide`` decides each of them. Neither does I/O; ``PolicyFile``
watches the file that a policy comes from.
"""

from models.policy.decision import Decision, EventFacts
from models.policy.party_lists import Lists
from models.policy.payment_policy import STOPPING, PaymentVerdict
from models.policy.policy import Policy
from models.policy.policy_document import PolicyDocument, parse_policy
from models.policy.policy_file import DEFAULT_POLICY, PolicyFile
from models.policy.warning_history import OpenWarning, WarningHistory, warning_id

__all__ = [
    "DEFAULT_POLICY",
    "STOPPING",
    "Decision",
    "EventFacts",
    "Lists",
    "OpenWarning",
    "PaymentVerdict",
    "Policy",
    "PolicyDocument",
    "PolicyFile",
    "WarningHistory",
    "parse_policy",
    "warning_id",
]
