"""One-time links in pages: an answer from where the responder is."""
