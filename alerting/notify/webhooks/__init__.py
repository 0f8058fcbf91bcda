"""Signed webhooks of the life of cases, for ticket systems and other desks."""
