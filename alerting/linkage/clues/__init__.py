"""Clues in bulk: numbers and accounts from a file, in force once a second person approves."""
