"""Warnings come in: decoded, deduplicated, correlated into cases."""

from alerting.ingest.apply import Applied, IngestRules, apply_warnings

__all__ = ["Applied", "IngestRules", "apply_warnings"]
