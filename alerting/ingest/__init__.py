"""Ingest of warnings: decode, deduplicate, correlate into cases."""

from alerting.ingest.warning_batch import Applied, IngestRules, apply_warnings

__all__ = ["Applied", "IngestRules", "apply_warnings"]
