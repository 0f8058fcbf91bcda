"""The transactional outbox: a message is written with the change it tells of, and sent after it."""
