"""The subscriber's record: what an event reads of it and what it changes."""
