"""Background threads, and the ones that connect the service to Kafka."""
