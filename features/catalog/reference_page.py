"""``docs/features.md``, made from the catalog."""

from itertools import groupby

from features.catalog import CATALOG, Catalog

_INTRODUCTION = """# Features

Written by `forewarn reference` from `features/catalog`. {count} features, in the order of the vector. Fingerprint of the catalog:
`{fingerprint}`.

A value is float32. A value is missing (NaN) where it is not defined: a ratio whose denominator is 0, the
time since an event that never happened, the amount of a call, the caller of a transfer. Every value is that
of the state *before* the event; windows, lateness and corrections are defined in
[event-time.md](event-time.md). `+` and `-` are the signs of monotone constraints. Features of degree 2
also depend on what the subscribers' records say of earlier events. [adding-features.md](adding-features.md)
shows how to add one.

Distinct counts of numbers, accounts and devices are exact up to 12; beyond, a sliding linear-counting
sketch of 512 buckets estimates with a standard error of 3.7 % at 512 and 4.6 % at 1,000 distinct, and
saturates at about 3,200. Subscribers' own counts are exact up to 12 at least: up to 24 less the regulars
without a contact in the window. They never exceed 24.
"""

_TITLES = {
    "event": "The event",
    "subscriber": "The subscriber",
    "number": "The number (calls)",
    "account": "The account (transfers)",
    "device": "The device",
}
_SIGNS = {1: "+", -1: "-", 0: ""}


def features_markdown(catalog: Catalog = CATALOG) -> str:
    """The reference page of a catalog, in Markdown."""
    parts = [
        _INTRODUCTION.format(count=len(catalog.names), fingerprint=catalog.fingerprint),
    ]
    ordered = sorted(catalog.features, key=lambda feature: list(_TITLES).index(feature.entity))
    for entity, features in groupby(ordered, key=lambda feature: feature.entity):
        parts.append(f"\n## {_TITLES[entity]}\n")
        parts.append("| feature | of | how | window | unit | sign | degree | why |")
        parts.append("|---|---|---|---|---|---|---|---|")
        parts += [
            f"| `{f.name}` | {f.kinds} | {f.aggregation} | {f.window} | {f.unit} | "
            f"{_SIGNS[f.monotone]} | {1 if f.degree == 'first' else 2} | {f.why} |"
            for f in features
        ]
    return "\n".join(parts) + "\n"
