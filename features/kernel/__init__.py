"""The compiled kernel. Nothing outside ``features`` imports it; ``features.engine`` is its face."""

from features.kernel import index, marks, pairs, records, state, walk, wire

__all__ = ["index", "marks", "pairs", "records", "state", "walk", "wire"]
