"""Records of numbers, accounts and devices: what an event reads of them and what it changes."""
