"""A client for TF Serving and for `serve`, over REST or gRPC."""
