"""The catalog: every feature, declared once.

The order of the vector, the kernel's program, ``docs/features.md`` and the fingerprint that a model
carries derive from it. ``names``, ``fingerprint`` and ``monotone`` of the default catalog are module
attributes; code that may be given another catalog takes a :class:`Catalog`.
"""

import hashlib
import json
from dataclasses import astuple, dataclass
from functools import cached_property
from itertools import product
from typing import Final

import numpy as np
import numpy.typing as npt

from features.catalog import semantics
from features.catalog.declaration import N_BLOCKS, N_OPS, OP_SCALAR, Feature
from features.catalog.schema import FEATURES, INPUTS, scalar_index

__all__ = ["CATALOG", "Catalog", "Feature", "explain", "fingerprint", "monotone", "names"]


@dataclass(frozen=True)
class Catalog:
    """An ordered set of features, and the local time of days and nights.

    Args:
        features: in the order of the vector.
        utc_offset_minutes: local time minus UTC; whole minutes, the same for all subscribers.

    Raises:
        ValueError: if a name occurs twice or a feature that the kernel needs is missing.
    """

    features: tuple[Feature, ...]
    utc_offset_minutes: int = 480

    def __post_init__(self) -> None:
        names = [feature.name for feature in self.features]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"features declared twice: {', '.join(twice)}")
        missing = sorted(set(INPUTS._fields) - set(names))
        if missing:
            raise ValueError(f"the kernel needs {', '.join(missing)}")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Feature names in the order of the vector."""
        return tuple(feature.name for feature in self.features)

    @cached_property
    def monotone(self) -> tuple[int, ...]:
        """Sign of each feature for monotone constraints: +1, -1, or 0 where unknown."""
        return tuple(feature.monotone for feature in self.features)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over every declaration, rule and the version of the semantics; hexadecimal."""
        canonical = json.dumps(
            {
                "rules": _rules(),
                "utc_offset_minutes": self.utc_offset_minutes,
                "features": [astuple(feature) for feature in self.features],
            },
            separators=(",", ":"),
        )
        return hashlib.sha256(canonical.encode()).hexdigest()

    def slot(self, name: str) -> int:
        """Place of a feature in the vector; raises ValueError for an unknown name."""
        return self.names.index(name)

    def explain(self, code: str) -> Feature:
        """The declaration of a feature; raises ValueError for an unknown name."""
        return self.features[self.slot(code)]

    @cached_property
    def program(self) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
        """The vector program by block and operation, and where each of them begins.

        uint32 [features, 6] (unsigned, so that compiled code need not look for negative indices)
        and int64 [blocks * operations + 1].
        """
        rows: list[tuple[int, ...]] = []
        bounds = [0]
        for block, op in product(range(N_BLOCKS), range(N_OPS)):
            for slot, feature in enumerate(self.features):
                if feature.block == block and feature.op == op:
                    scalar = (scalar_index(feature),) if op == OP_SCALAR else ()
                    rows.append((slot, op, *feature.operands, *scalar, 0, 0, 0, 0)[:6])
            bounds.append(len(rows))
        return np.array(rows, dtype=np.uint32), np.array(bounds, dtype=np.int64)

    @cached_property
    def inputs(self) -> npt.NDArray[np.int64]:
        """Slots of the features that the subscriber's step reads; int64 [len(INPUTS)]."""
        return np.array([self.slot(name) for name in INPUTS._fields], dtype=np.int64)


def _rules() -> dict[str, object]:
    """Every constant of ``semantics`` by name, SEMANTICS_VERSION included."""
    return {
        name: value.tolist() if isinstance(value, np.ndarray) else value
        for name, value in sorted(vars(semantics).items())
        if name.isupper()
    }


CATALOG: Final = Catalog(FEATURES)
names: Final = CATALOG.names
fingerprint: Final = CATALOG.fingerprint
monotone: Final = CATALOG.monotone
explain: Final = CATALOG.explain
