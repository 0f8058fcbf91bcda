"""Telemetry: structured logs and traces."""
