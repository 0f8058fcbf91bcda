"""The model and the policy that decide at one moment."""

from dataclasses import dataclass

from models.policy import Policy
from models.serving.scorer import Scorer


@dataclass(frozen=True, slots=True)
class ModelBundle:
    """Champion, policy and challenger; replaced as a whole on reload, so versions never mix.

    Attributes:
        scorer: the champion, whose probabilities decide.
        policy: turns probabilities into decisions.
        challenger: a model on trial that only logs; None for none.
    """

    scorer: Scorer
    policy: Policy
    challenger: Scorer | None = None
