"""The HTTP API: routes, views and problem documents."""
