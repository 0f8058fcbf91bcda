"""From a model's log-odds to a probability that can be multiplied by money.

Fitted by scikit-learn on a slice of time later than the training data, kept as JSON, and applied
here without scikit-learn, which workers do not have.
"""

from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from forewarn.errors import ArtifactError

SMALLEST, LARGEST = 1e-7, 1.0 - 1e-7
"""Bounds of a calibrated probability: a finite sample shows no certainty."""


class Calibrator(msgspec.Struct, frozen=True, kw_only=True):
    """Maps log-odds to probabilities, never decreasing.

    ``isotonic``: linear between the knots ``raw`` -> ``probability``, constant beyond them. A share
    of ``tilt`` of the uncalibrated probability is mixed in: the steps of an isotonic map would
    otherwise make ties of events that the trees can tell apart.
    ``platt``: 1 / (1 + exp(slope * raw + intercept)) in Platt's sign convention (slope < 0).
    ``none``: the logistic function alone.
    """

    method: Literal["isotonic", "platt", "none"] = "none"
    raw: tuple[float, ...] = ()
    probability: tuple[float, ...] = ()
    slope: float = -1.0
    intercept: float = 0.0
    tilt: float = 0.0

    def check(self) -> None:
        """Raise ArtifactError if the numbers cannot be a calibration."""
        if self.method == "isotonic":
            knots, levels = np.asarray(self.raw), np.asarray(self.probability)
            sound = len(knots) == len(levels) > 0 and bool(
                np.isfinite(knots).all()
                and np.all(np.diff(knots) >= 0)
                and np.all(np.diff(levels) >= 0)
                and levels[0] >= 0.0
                and levels[-1] <= 1.0
                and 0.0 <= self.tilt < 1.0
            )
        else:
            sound = self.slope <= 0 and bool(np.isfinite([self.slope, self.intercept]).all())
        if not sound:
            raise ArtifactError(
                "the calibration is not a non-decreasing map to probabilities",
                hint="Train the model again; calibration.json was edited or cut off.",
            )

    def apply(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probabilities for log-odds, both float64 [n]."""
        if self.method == "isotonic":
            result = np.interp(raw, self.raw, self.probability)
            if self.tilt:
                with np.errstate(over="ignore"):
                    kept = self.tilt / (1.0 + np.exp(-raw))
                # Inside the bounds, not cut off at them: they would be steps, too.
                result = SMALLEST + (LARGEST - SMALLEST) * ((1.0 - self.tilt) * result + kept)
        else:
            with np.errstate(over="ignore"):  # exp overflows to infinity, the quotient is 0
                result = 1.0 / (1.0 + np.exp(self.slope * raw + self.intercept))
        return np.clip(result, SMALLEST, LARGEST)
