"""The evidence pack of a case: one file with everything about it, its checksums and its proof."""
