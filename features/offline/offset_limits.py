"""Events below given offsets, for a state that must hold those and no others."""

from collections.abc import Mapping

import polars as pl

Limits = tuple[tuple[str, int, int], ...]
"""Topic (without prefix), partition and next offset."""


def limits_of(target: Mapping[tuple[str, int], int]) -> Limits:
    """The limits of positions by topic and partition, in one order whatever theirs."""
    return tuple((topic, number, offset) for (topic, number), offset in sorted(target.items()))


def below(tables: Mapping[str, pl.DataFrame], limits: Limits) -> dict[str, pl.DataFrame]:
    """The rows of each topic below its limits; of a partition without one, all rows."""
    table = pl.DataFrame(
        list(limits),
        schema={"topic_": pl.String, "partition": pl.Int32, "limit": pl.Int64},
        orient="row",
    )
    found = {}
    for topic, rows in tables.items():
        mine = table.filter(pl.col("topic_") == topic).drop("topic_")
        found[topic] = (
            rows.join(mine, on="partition", how="left", maintain_order="left")
            .filter(pl.col("limit").is_null() | (pl.col("offset") < pl.col("limit")))
            .drop("limit")
        )
    return found
