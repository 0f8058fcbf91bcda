"""The pipeline: a batch from its job through state, decisions and outputs to its commit."""
