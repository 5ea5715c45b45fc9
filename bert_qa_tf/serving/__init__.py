"""The HTTP server for an exported model, and its web page."""
