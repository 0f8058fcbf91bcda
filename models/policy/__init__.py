"""The policy: what is done about a probability, decided purely and with a named reason.

A worker takes two steps. ``Policy.screen`` looks at a whole chunk at once and returns the few
events that need a decision; ``Policy.decide`` decides each of them. Neither does I/O; ``PolicyFile``
watches the file that a policy comes from.
"""

from models.policy.decision import Decision, Facts
from models.policy.document import PolicyDocument, parse_policy
from models.policy.history import History, OpenWarning, warning_id
from models.policy.lists import Lists
from models.policy.policy import Policy
from models.policy.watch import DEFAULT_POLICY, PolicyFile

__all__ = [
    "DEFAULT_POLICY",
    "Decision",
    "Facts",
    "History",
    "Lists",
    "OpenWarning",
    "Policy",
    "PolicyDocument",
    "PolicyFile",
    "parse_policy",
    "warning_id",
]
