"""The gateways that messages and orders go out through."""
