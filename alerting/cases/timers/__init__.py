"""Durable timers: what is due is a row, so a restart forgets nothing."""
