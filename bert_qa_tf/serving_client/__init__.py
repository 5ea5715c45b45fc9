"""Asks a TF Serving, or `serve`, over REST or gRPC."""
