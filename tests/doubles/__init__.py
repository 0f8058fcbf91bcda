"""Test doubles of the gateways, over real HTTP and SMTP."""
