"""The model, the policy and the lists in use, replaced while the worker runs."""
