"""The platform: settings, the link to Kafka, the clock and pseudonyms."""
