"""Notices: messages to colleagues about the service's own arrangements, outside cases."""
