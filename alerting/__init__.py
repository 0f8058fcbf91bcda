"""The alerting service: a case ledger and dispatch desk that sees every warning to its end."""
