"""The stream runtime: Faust agents over a chunked transport, and the lanes that do the work."""
