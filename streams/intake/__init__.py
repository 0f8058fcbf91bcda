"""Intake: fetched records become events, buffered by partition and handed to lanes."""
