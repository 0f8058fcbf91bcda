"""The prevented-loss ledger: estimated at warning, confirmed at closure, taken back on late loss."""
