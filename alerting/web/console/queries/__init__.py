"""Queries of the pages, one module per page, each bounded by the reader's scope."""
