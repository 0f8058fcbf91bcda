"""The worker process: its composition root, Faust app, probes and shutdown."""
