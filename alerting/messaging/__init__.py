"""Threads that keep the service tied to Kafka: readers of topics and the outbox's sender."""
