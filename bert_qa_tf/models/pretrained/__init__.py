"""Readers of pretrained encoders."""
