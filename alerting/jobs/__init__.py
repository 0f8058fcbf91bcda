"""Backup, restore, retention and erasure."""
