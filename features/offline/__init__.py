"""Features over history: datasets, Parquet backfills, exports, rebuilt state and the parity check.

All of it runs the kernel of the worker, so a vector is the same to the bit wherever it is computed.
"""

from features.offline.feature_table import build

__all__ = ["build"]
