"""Features over history: datasets, Parquet backfills, exports, rebuilt state and the parity check.

All of it runs the worker's kernel, so a vector has the same bits wherever it is computed.
"""

from features.offline.feature_table import build

__all__ = ["build"]
