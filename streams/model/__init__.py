"""Model, policy and lists in use; all are replaced while the worker runs."""
