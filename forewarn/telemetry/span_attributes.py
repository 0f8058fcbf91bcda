"""The attributes of a span."""

from collections.abc import Mapping

Attributes = Mapping[str, str | int | float | bool]
