"""The compiled kernel. Only ``features`` imports it; :mod:`features.engine` is its interface."""
