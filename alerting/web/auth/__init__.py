"""Access checks of HTTP requests: cookies, CSRF, permissions, response headers."""
