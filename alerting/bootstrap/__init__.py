"""The composition root of the alerting service: settings in, a running application out."""
