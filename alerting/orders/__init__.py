"""Orders that stop a transfer, an account or a line: their clock, their release, objections to them."""
