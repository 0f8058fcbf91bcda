"""The web layer: HTTP API, console and their access checks."""
