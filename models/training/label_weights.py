"""Weights that undo what warnings do to labels.

A fraud that was warned about nearly always gets a label, because a responder closes its case; one
without a warning gets one only if the victim reports it. Trained on labels as they come, a
model would mostly learn what its predecessor already found. So each labelled fraud counts
the inverse of the chance that it was labelled: 1 / closed share if it was warned about, 1 / report
share if not (inverse-propensity weighting, Horvitz and Thompson 1952). See docs/training.md.
"""

import numpy as np
from numpy.typing import NDArray

from forewarn.errors import ConfigurationError

LARGEST = 5.0
"""Bound of a weight: a report share of 5 % would let single victims rule the model."""


def label_weights(
    label: NDArray[np.int8],
    warned: NDArray[np.bool_],
    *,
    report_share: float,
    closed_share: float = 0.95,
) -> NDArray[np.float64]:
    """A weight for each row; honest rows count 1.

    Args:
        label: 1 for fraud.
        warned: whether a warning concerned the row's case.
        report_share: share of unwarned losses that are ever reported (surveys say 0.2 to 0.7).
        closed_share: share of warned frauds whose case was closed as such.

    Raises:
        ConfigurationError: for a share that is not above 0 and at most 1.
    """
    for name, share in (("report_share", report_share), ("closed_share", closed_share)):
        if not 0 < share <= 1:
            raise ConfigurationError(f"{name} is {share}, it must be above 0 and at most 1")
    inverse = np.where(warned, 1.0 / closed_share, 1.0 / report_share)
    return np.where(label == 1, np.minimum(inverse, LARGEST), 1.0)
