"""Everything that is declared, and the indices that the kernel derives from it.

The kernel writes a scalar as ``values[SCALARS.pair_age_days] = ...``: the attribute is the feature's
name, so a scalar is declared in one place and no index is written by hand.
"""

from collections import namedtuple
from collections.abc import Iterable
from typing import Any, Final

from features.catalog import event_features, shared_features, subscriber_features
from features.catalog.declaration import OP_SCALAR, SHARED_ENTITIES, Feature


def indices(names: Iterable[str]) -> Any:
    """A named tuple of the place of each name; compiled code takes its fields as constants."""
    distinct = tuple(dict.fromkeys(names))
    return namedtuple("Indices", distinct)(*range(len(distinct)))  # noqa: PYI024  names are data


def _scalars(*, shared: bool) -> Any:
    return indices(
        feature.scalar_name
        for feature in FEATURES
        if feature.op == OP_SCALAR and (feature.entity in SHARED_ENTITIES) is shared
    )


FEATURES: Final[tuple[Feature, ...]] = (
    *event_features.features(),
    *subscriber_features.features(),
    *shared_features.features(),
)
"""All features, in the order of the vector."""

SCALARS: Final = _scalars(shared=False)
"""Scalars of the event and its subscriber."""
SHARED_SCALARS: Final = _scalars(shared=True)
"""Scalars of a number, an account or a device: the three share one set."""
MAX_SCALARS: Final = max(len(SCALARS), len(SHARED_SCALARS))

INPUTS: Final = indices(
    (
        "number_callees_24h",
        "number_short_share_24h",
        "number_age_days",
        "number_confirmed",
        "account_confirmed",
    )
)
"""Features that the subscriber's step reads from the vector; every catalog has to hold them."""


def scalar_index(feature: Feature) -> int:
    """Index of a scalar feature in the kernel.

    Raises:
        ValueError: if the feature is not declared in this package, so the kernel does not compute it.
    """
    declared = SHARED_SCALARS if feature.entity in SHARED_ENTITIES else SCALARS
    if feature.scalar_name not in declared._fields:
        raise ValueError(f"the kernel computes no scalar {feature.name}")
    return int(getattr(declared, feature.scalar_name))
