"""What pages read: one module a page, each bounded by the scope of who looks."""
