"""Notification: which channel carries which message to whom, and when."""
