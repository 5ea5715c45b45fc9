"""Simulates what a speech recogniser hears of a text, without any audio."""
